"""Which steps are real."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.core import check_lengths, fill_padding, reverse_steps, valid_steps
from ostinato.errors import LengthsError


@st.composite
def ragged(draw):
    """x (B, T, C) that counts, and lengths (B,)."""
    batch, steps, features = draw(st.integers(0, 4)), draw(st.integers(0, 7)), draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    x = torch.arange(1.0, batch * steps * features + 1, dtype=torch.float64).view(batch, steps, features)
    kind = draw(st.sampled_from([torch.int64, torch.int32]))
    return x, torch.tensor(lengths, dtype=kind)


@settings(deadline=None, max_examples=50)
@given(ragged())
def test_valid_steps_are_those_before_the_length(case):
    x, lengths = case
    expected = [[step < length for step in range(x.shape[1])] for length in lengths.tolist()]
    assert valid_steps(lengths, x.shape[1]).tolist() == expected
    check_lengths(lengths, *x.shape[:2])


@settings(deadline=None, max_examples=50)
@given(ragged())
def test_fill_padding_keeps_what_is_real_and_lets_no_nan_through(case):
    x, lengths = case
    padded = ~valid_steps(lengths, x.shape[1])
    spoilt = x.masked_fill(padded[..., None], math.nan).requires_grad_()
    y = fill_padding(spoilt, lengths)
    assert torch.equal(y, x * ~padded[..., None])
    (y * 3).sum().backward()
    assert torch.equal(spoilt.grad, 3.0 * ~padded[..., None].expand_as(x))


@settings(deadline=None, max_examples=50)
@given(ragged())
def test_reverse_steps_is_python_s_reversal_of_each_row(case):
    x, lengths = case
    y = reverse_steps(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        expected = x[row, :length].tolist()[::-1] + x[row, length:].tolist()
        assert y[row].tolist() == expected
    assert torch.equal(reverse_steps(y, lengths), x)


def test_without_lengths_all_is_real():
    x = torch.randn(2, 3, 1)
    assert fill_padding(x, None) is x
    assert torch.equal(reverse_steps(x, None), x.flip(1))


def test_a_mask_has_no_feature_axis_to_fill():
    assert fill_padding(torch.ones(2, 3), torch.tensor([1, 3]), value=-1.0).tolist() == [
        [1, -1, -1],
        [1, 1, 1],
    ]


@pytest.mark.parametrize(
    ("lengths", "sentence"),
    [
        ([1.0, 2.0], r"lengths must be integers, got torch.float32. Pass lengths.long\(\)."),
        ([1, 2, 3], r"lengths must be one number for each of 2 rows, got \(3,\)."),
        ([[1], [2]], r"lengths must be one number for each of 2 rows, got \(2, 1\)."),
        (
            [1, 6],
            "lengths must lie between 0 and the 5 steps of x, got 6. They count the valid steps of this",
        ),
        ([-1, 5], "lengths must lie between 0 and the 5 steps of x, got -1."),
    ],
)
def test_refusals(lengths, sentence):
    with pytest.raises(LengthsError, match=sentence):
        check_lengths(torch.tensor(lengths), 2, 5)

"""Pooling to a fixed number of steps against torch's, of each row alone.

Axes: B batch, T time steps, N steps out, F frequencies, C features or channels.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.close import close, gradients
from ostinato.errors import ConfigError, StreamingError
from ostinato.layers import AdaptiveAvgPool1d, AdaptiveMaxPool1d, Chain, Conv1d, Dense
from ostinato.layers.pooling.adaptive import AdaptivePool

PAIRS = [(AdaptiveAvgPool1d, F.adaptive_avg_pool1d), (AdaptiveMaxPool1d, F.adaptive_max_pool1d)]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(PAIRS), st.integers(1, 7), st.lists(st.integers(0, 12), min_size=1, max_size=4))
def test_each_row_is_divided_by_its_own_length(pair, steps, lengths):
    kind, theirs = pair
    torch.manual_seed(steps)
    x = torch.randn(len(lengths), 12, 3, dtype=torch.float64, requires_grad=True)
    y, state = kind(3, steps)(x, None, torch.tensor(lengths))
    assert y.shape == (len(lengths), steps, 3)
    assert state == ()
    real = [row for row, length in enumerate(lengths) if length]
    expected = [theirs(x[row, : lengths[row]].T[None], steps)[0].T for row in real]
    for row in range(len(lengths)):
        close(y[row], expected[real.index(row)] if row in real else torch.zeros_like(y[row]))
    if real:
        close(*(gradients(values, [x])[0] for values in ([y[row] for row in real], expected)))


@pytest.mark.parametrize(("kind", "theirs"), PAIRS)
def test_frequencies_are_pooled_each_on_its_own(kind, theirs):
    x = torch.randn(2, 7, 4, 3, dtype=torch.float64)
    expected = theirs(x.flatten(2).transpose(1, 2), 3).transpose(1, 2).unflatten(2, (4, 3))
    close(kind((4, 3), 3)(x)[0], expected)
    close(kind((4, 3), 3)(x, None, torch.tensor([7, 7]))[0], expected)


@pytest.mark.parametrize("kind", [AdaptiveAvgPool1d, AdaptiveMaxPool1d])
@pytest.mark.parametrize("lengths", [None, torch.tensor([6, 6])])
def test_what_is_not_finite_stays_in_its_part(kind, lengths):
    x = torch.zeros(2, 6, 1)
    x[0, 5] = torch.nan
    y, _ = kind(1, 3)(x, None, lengths)
    assert y.isnan().flatten(1).tolist() == [[False, False, True], [False] * 3]


def test_a_classifier_of_whole_rows():
    torch.manual_seed(0)
    chain = Chain(Conv1d(3, 5, 3, stride=2), AdaptiveAvgPool1d(5, 1), Dense(5, 2)).double()
    assert chain.steps_out == 1
    assert not chain.streams
    x, lengths = torch.randn(4, 9, 3, dtype=torch.float64), torch.tensor([9, 1, 0, 4])
    y, _ = chain(x, None, lengths)
    assert y.shape == (4, 1, 2)
    assert chain.out_lengths(lengths).tolist() == [
        1,
        0,
        0,
        1,
    ]  # a single step fills no block of the convolution
    assert not y[1:3].any()
    close(y[0], chain.last(x[:1]))
    close(y[3], chain.last(x[3:, :4]))


@pytest.mark.parametrize("kind", [AdaptiveAvgPool1d, AdaptiveMaxPool1d])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((3, 0), "steps must be a whole number of at least 1, got 0."),
        ((3, 2.0), "steps must be a whole number of at least 1, got 2.0."),
        (((0, 3), 2), "input_size must be a whole number of at least 1, got (0, 3)."),
    ],
)
def test_refusals(kind, arguments, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        kind(*arguments)


def test_a_stepper_is_refused():
    with pytest.raises(StreamingError, match="AdaptiveAvgPool1d needs the whole sequence"):
        AdaptiveAvgPool1d(3, 2).eval().stepper()


@pytest.mark.parametrize(
    ("method", "lengths"), [("whole", None), ("parts", torch.tensor([3]))], ids=["whole", "parts"]
)
def test_the_family_says_what_its_members_must_define(method, lengths):
    with pytest.raises(NotImplementedError, match=rf"AdaptivePool does not define {method}\(\)."):
        AdaptivePool(2, 2)(torch.zeros(1, 3, 2), None, lengths)

"""Embeddings against torch's, and codes from the door to the live step.

Axes: B batch, T time steps, K columns of codes, E features of one code.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from layers.close import close, gradients
from ostinato.core import leaves
from ostinato.errors import ConfigError, ContractError, ShapeError
from ostinato.layers import GRU, Chain, Embedding, OneHot, Parallel
from ostinato.layers.steppers.combined import ChainStepper

DTYPES = [torch.int64, torch.int32, torch.uint8, torch.float32, torch.float64]


def codes(*shape: int, most: int = 7) -> Tensor:
    return torch.randint(0, most, shape, generator=torch.Generator().manual_seed(0))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 7), st.integers(1, 4), st.integers(1, 3), st.integers(0, 6), st.booleans())
def test_it_is_torch_s(count, size, columns, steps, pads):
    padding = count - 1 if pads else None
    ours = Embedding(count, size, columns, padding_idx=padding).double()
    theirs = nn.Embedding(count, size, padding_idx=padding).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = codes(2, steps, columns, most=count)
    y, expected = ours(x)[0], theirs(x).flatten(2)
    assert y.shape == (2, steps, columns * size)
    close(y, expected)
    close(*gradients([y], [ours.weight]), *gradients([expected], [theirs.weight]))


def test_it_begins_as_torch_s():
    torch.manual_seed(3)
    ours = Embedding(5, 3, padding_idx=2)
    torch.manual_seed(3)
    assert torch.equal(ours.weight, nn.Embedding(5, 3, padding_idx=2).weight)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    "make", [lambda: Embedding(7, 3, 2), lambda: OneHot(7, 2)], ids=["Embedding", "OneHot"]
)
def test_codes_may_be_of_any_dtype(make, dtype):
    layer, x = make(), codes(2, 5, 2)
    y, _ = layer(x.to(dtype))
    assert torch.equal(y, layer(x)[0])
    assert (y.dtype, layer.output_dtype(dtype)) == (torch.float32, torch.float32)
    assert layer.double()(x.to(dtype))[0].dtype == torch.float64


@pytest.mark.parametrize("columns", [1, 3])
def test_one_hot_is_torch_s(columns):
    x = codes(2, 5, columns)
    y, _ = OneHot(7, columns)(x)
    assert torch.equal(y, F.one_hot(x, 7).flatten(2).float())


@pytest.mark.parametrize(
    "make", [lambda: Embedding(7, 3, 2), lambda: OneHot(7, 2)], ids=["Embedding", "OneHot"]
)
def test_a_missing_code_is_nan_and_teaches_nothing(make):
    layer, x = make(), codes(1, 4, 2).double()
    x[0, 2, 1] = torch.nan
    y, _ = layer(x)
    expected, _ = layer(x.nan_to_num(0.0))
    missing = y.isnan()
    size = y.shape[2] // 2
    assert bool(missing[0, 2, size:].all())
    assert int(missing.sum()) == size
    assert torch.equal(y[~missing], expected[~missing])
    for slope in gradients([y[~missing]], list(layer.parameters())) if list(layer.parameters()) else []:
        assert bool(slope.isfinite().all())


def test_padding_is_no_code():
    """Whatever stands behind a row's end is not looked up, and the first vector does not learn from it."""
    layer, x = Embedding(5, 2), torch.tensor([[[3], [4], [999]], [[2], [-7], [-7]]])
    lengths = torch.tensor([2, 1])
    y, _ = layer(x, None, lengths)
    assert torch.equal(y[0, :2], layer.weight[3:])
    assert not y[0, 2].any()
    assert not y[1, 1:].any()
    (slope,) = gradients([y], [layer.weight])
    assert not slope[:2].any()
    assert bool(slope[2:].any())


def test_a_network_on_integers_is_whole_streaming_and_live():
    chain = Chain(Embedding(7, 3, columns=2), GRU(6, 4)).eval()
    x = codes(2, 9, 2)
    whole, end = chain(x)
    y, state = chain(x[:, :4])
    rest, state = chain(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([y, rest], dim=1), whole)
    stepper = chain.stepper(2)
    assert stepper.dtype == torch.int64
    assert isinstance(stepper, ChainStepper)
    torch.testing.assert_close(torch.stack([stepper.step(step) for step in x.unbind(1)], dim=1), whole)
    for one, other in zip(leaves(stepper.state), leaves(end), strict=True):
        torch.testing.assert_close(one, other)
    stepper = chain.stepper(
        2, state=state, dtype=torch.float64
    )  # or codes as the columns of a table hold them
    torch.testing.assert_close(stepper.step(x[:, 0].double()), chain(x[:, :1], state)[0][:, 0])


def test_a_live_step_looks_at_its_codes():
    stepper = Chain(Embedding(7, 3), GRU(3, 4)).eval().stepper()
    with pytest.raises(ContractError, match=re.escape("x holds 7 in row 0, step 0, column 0")):
        stepper.step(torch.tensor([[7]]))
    with pytest.raises(
        ShapeError, match=re.escape("a step wants (1, 1) torch.int64 on cpu, got (1, 1) torch.float32")
    ):
        stepper.step(torch.tensor([[7.0]]))


def test_side_by_side():
    layer = Parallel(learnt=Embedding(7, 3), plain=OneHot(7))
    assert layer.takes_codes
    assert layer(codes(2, 5, 1))[0].shape == (2, 5, 10)


def test_compiled_nothing_is_looked_at():
    """A graph has no place for a sentence: torch's own error comes instead."""
    layer = torch.compile(Embedding(5, 2), fullgraph=True, backend="eager")
    with pytest.raises(IndexError):
        layer(torch.tensor([[[5]]]))


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (
            torch.tensor([[[0, 1], [4, 5]]]),
            "x holds 5 in row 0, step 1, column 1, and codes of this Embedding are the whole",
        ),
        (
            torch.tensor([[[0, 1]], [[-1, 5]]]),
            "x holds -1 in row 1, step 0, column 0, and codes of this Embedding are",
        ),
        (
            torch.tensor([[[0.0, 1.5]]]),
            "x holds 1.5 in row 0, step 0, column 1, and codes of this Embedding are the",
        ),
        (torch.tensor([[[torch.inf, 1]]]), "x holds inf in row 0, step 0, column 0"),
        (torch.tensor([[[0, 9]]]), "are the whole numbers 0 to 4. Pass such codes, or make it for more."),
    ],
)
def test_what_is_no_code(x, sentence):
    with pytest.raises(ContractError, match=re.escape(sentence)):
        Embedding(5, 2, columns=2)(x)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Embedding(0, 2), "codes must be a whole number of at least 1, got 0."),
        (lambda: Embedding(2, 0), "size must be a whole number of at least 1, got 0."),
        (lambda: Embedding(2, 2, columns=0), "columns must be a whole number of at least 1, got 0."),
        (lambda: Embedding(2, 2, padding_idx=2), "padding_idx must be a code, 0 to 1, got 2."),
        (lambda: OneHot(0), "codes must be a whole number of at least 1, got 0."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()


def test_no_codes_where_floats_are_wanted():
    with pytest.raises(ShapeError, match=re.escape("x must hold floating point numbers, got torch.int64.")):
        Chain(GRU(1, 2))(torch.tensor([[[1]]]))

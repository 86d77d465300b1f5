"""RNN, LSTM and GRU against torch.nn's, with the same weights.

Axes: B batch, T time steps, I input features, L layers, H hidden features.
"""

import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from layers.close import close, gradients
from ostinato import layers
from ostinato.core import leaves
from ostinato.errors import ConfigError
from ostinato.layers import GRU, LSTM, RNN

KINDS = {
    "RNN": ("RNN", {}),
    "RNN-relu": ("RNN", {"nonlinearity": "relu"}),
    "LSTM": ("LSTM", {}),
    "GRU": ("GRU", {}),
}
SHAPES = {
    "one": {},
    "stacked": {"num_layers": 3},
    "without-bias": {"num_layers": 2, "bias": False},
    "bidirectional": {"bidirectional": True},
    "stacked-bidirectional": {"num_layers": 2, "bidirectional": True},
}
ALL = [
    pytest.param(name, options | shape, id=f"{kind}-{size}")
    for kind, (name, options) in KINDS.items()
    for size, shape in SHAPES.items()
]
STREAMING = [case for case in ALL if "bidirectional" not in case.id]


def twins(name: str, options: dict) -> tuple[layers.recurrent.Recurrent, nn.RNNBase]:
    """Ours and torch's with the same weights, in float64."""
    torch.manual_seed(1)
    ours = getattr(layers, name)(3, 5, **options).double()
    theirs = getattr(nn, name)(3, 5, batch_first=True, **options).double()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def as_torch(parts: list[Tensor]) -> Tensor | tuple[Tensor, ...]:
    """Hidden, or hidden and cell, (B, L, H) each, as torch wants them: (L, B, H)."""
    turned = tuple(part.transpose(0, 1).contiguous() for part in parts)
    return turned if len(turned) > 1 else turned[0]


def from_torch(state: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return [part.transpose(0, 1) for part in (state if isinstance(state, tuple) else (state,))]


def all_close(found: list[Tensor], expected: list[Tensor]) -> None:
    for a, b in zip(found, expected, strict=True):
        close(a, b)


@pytest.mark.parametrize(("name", "options"), ALL)
def test_weights_go_both_ways(name, options):
    ours, theirs = twins(name, options)
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = normal(2, 7, 3)
    close(ours(x)[0], theirs(x)[0])


@pytest.mark.parametrize(("name", "options"), ALL)
def test_values_and_gradients(name, options):
    ours, theirs = twins(name, options)
    x = normal(4, 7, 3)
    y, expected = ours(x)[0], theirs(x)[0]
    close(y, expected)
    all_close(
        gradients([y], [x, *ours.parameters()]),
        gradients([expected], [x, *theirs.parameters()]),
    )


@pytest.mark.parametrize(("name", "options"), STREAMING)
def test_a_starting_state_that_is_not_zero(name, options):
    ours, theirs = twins(name, options)
    x, begin = normal(4, 7, 3), ours.initial_state(4)
    start = [normal(*part.shape, seed=place) for place, part in enumerate(begin)]
    y, after = ours(x, type(begin)(*start))
    expected, ends = theirs(x, as_torch(start))
    all_close([y, *after], [expected, *from_torch(ends)])
    all_close(
        gradients([y, *after], [x, *start, *ours.parameters()]),
        gradients([expected, *from_torch(ends)], [x, *start, *theirs.parameters()]),
    )


@pytest.mark.parametrize(("name", "options"), ALL)
def test_ragged_rows_against_a_packed_sequence(name, options):
    ours, theirs = twins(name, options)
    lengths, live = torch.tensor([7, 0, 1, 4, 6]), [0, 2, 3, 4]  # a packed sequence has no empty rows
    x = normal(5, 7, 3)
    packed, ends = theirs(
        pack_padded_sequence(x[live], lengths[live], batch_first=True, enforce_sorted=False)
    )
    expected, _ = pad_packed_sequence(packed, batch_first=True, total_length=7)
    y, after = ours(x, None, lengths)
    # a bidirectional layer of ours hands on no state
    found, truth = [y, *leaves(after)], [expected, *(from_torch(ends) if ours.streams else [])]
    assert not any(part[1].any() for part in found)
    found = [part[live] for part in found]
    all_close(found, truth)
    all_close(
        gradients(found, [x, *ours.parameters()]),
        gradients(truth, [x, *theirs.parameters()]),
    )


@pytest.mark.parametrize("bidirectional", [False, True])
def test_relu_does_not_grow_over_the_padding(bidirectional):
    layer = RNN(3, 5, nonlinearity="relu", bidirectional=bidirectional)
    for name, parameter in layer.named_parameters():
        if "weight_hh" in name:
            parameter.data = 3 * torch.eye(5)  # 3 to the power of 200 is infinite in float32
    x, lengths = torch.rand(2, 200, 3), torch.tensor([5, 0])
    y, state = layer(x, None, lengths)
    alone, end = layer(x[:, :5], None, lengths)
    torch.testing.assert_close(y[:, :5], alone)
    slopes = [
        gradients([out, *leaves(after)], list(layer.parameters()))
        for out, after in ((y, state), (alone, end))
    ]
    assert all(slope.isfinite().all() for slope in slopes[0])


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_initialised_as_in_torch(name):
    torch.manual_seed(0)
    ours = getattr(layers, name)(3, 16, 2)
    bound = 1 / 16**0.5
    for parameter in ours.parameters():
        assert float(parameter.detach().abs().max()) <= bound
        assert abs(float(parameter.detach().std()) - bound / 3**0.5) < bound / 5


def test_dropout_lies_between_layers_and_only_in_training():
    torch.manual_seed(0)
    x = normal(2, 7, 3)
    layer = LSTM(3, 5, 2, dropout=0.5).double()
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])
    single = LSTM(3, 5, dropout=0.5).double()
    assert torch.equal(single(x)[0], single(x)[0])


def test_the_initial_state_follows_the_weights_or_what_is_asked():
    state = LSTM(3, 5, 2).double().initial_state(4)
    assert {leaf.dtype for leaf in state} == {torch.float64}
    assert {leaf.shape for leaf in state} == {(4, 2, 5)}
    assert state.hidden.data_ptr() != state.cell.data_ptr()
    assert GRU(3, 5).initial_state(1, torch.float64, "cpu").hidden.dtype == torch.float64


def test_what_a_layer_says_of_itself():
    assert GRU(3, 5).recurrent
    assert GRU(3, 5, bidirectional=True).output_size == 10


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: GRU(0, 5), "input_size must be a whole number of at least 1, got 0."),
        (lambda: LSTM(3, 2.0), "hidden_size must be a whole number of at least 1, got 2.0."),
        (lambda: RNN(3, 5, True), "num_layers must be a whole number of at least 1, got True."),
        (lambda: GRU(3, 5, dropout=1.0), "dropout must be a number of at least 0 and less than 1, got 1.0."),
        (lambda: RNN(3, 5, nonlinearity="gelu"), "nonlinearity must be tanh or relu, got 'gelu'."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()

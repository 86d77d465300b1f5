"""The same layer several times, and channels that are dropped for a whole sequence."""

import re

import pytest
import torch
from safetensors.torch import save
from torch import nn

from layers.close import close, gradients
from ostinato.core import named_leaves
from ostinato.errors import ConfigError
from ostinato.layers import GRU, Chain, Conv1d, Dense, Dropout1d, Identity, MaxPool1d, Repeat, Residual


def test_it_is_the_layer_of_the_layer():
    torch.manual_seed(0)
    layer, x = Conv1d(3, 3, 2).double(), torch.randn(2, 9, 3, dtype=torch.float64, requires_grad=True)
    found = Repeat(layer, 3)(x)[0]
    expected = layer(layer(layer(x)[0])[0])[0]
    close(found, expected)
    inputs = [x, *layer.parameters()]
    for ours, theirs in zip(gradients([found], inputs), gradients([expected], inputs), strict=True):
        close(ours, theirs)


def test_one_set_of_weights_and_a_state_each_time():
    repeat = Repeat(GRU(3, 3), 4)
    assert list(repeat.state_dict()) == [f"layer.{name}" for name in GRU(3, 3).state_dict()]
    save(repeat.state_dict())  # which refuses two names for one memory
    _, state = repeat(torch.randn(2, 5, 3))
    held = list(named_leaves(state).values())
    assert len(held) == 4
    assert not torch.equal(held[0], held[1])


@pytest.mark.parametrize(
    ("layer", "times", "expected"),
    [
        (Conv1d(3, 3, 4, dilation=2), 3, (19, 0, 1)),
        (MaxPool1d(3, 2), 3, (8, 0, 8)),
        (Residual(Conv1d(3, 3, 5, latency=2)), 2, (9, 4, 1)),
        (Identity(), 5, (1, 0, 1)),
        (Dense(3, 3), 1, (1, 0, 1)),
    ],
)
def test_what_adds_up(layer, times, expected):
    repeat = Repeat(layer, times)
    assert (repeat.receptive_field, repeat.latency, repeat.stride) == expected
    twin = Chain(*[layer] * times)
    assert (twin.receptive_field, twin.latency, twin.stride, twin.block) == (*expected, repeat.block)


def test_chained_layers_have_weights_of_their_own():
    chain = Chain(*(Conv1d(3, 3, 3) for _ in range(4)))
    assert len(list(chain.parameters())) == 4 * len(list(Repeat(Conv1d(3, 3, 3), 4).parameters()))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Repeat(Dense(3, 3), 0), "times must be a whole number of at least 1, got 0."),
        (lambda: Repeat(Dense(3, 3), 2.0), "times must be a whole number of at least 1, got 2.0."),
        (
            lambda: Repeat(Dense(3, 5), 2),
            "Dense takes 3 features and gives 5, so it cannot be repeated. Make them equal, or chain it with a "
            "Dense(5, 3).",
        ),
        (lambda: Repeat(nn.ReLU(), 2), "a repeat takes layers that run along time, got ReLU."),
        (lambda: Dropout1d(0), "input_size must be a whole number of at least 1, got 0."),
        (lambda: Dropout1d(3, 1), "dropout must be a number of at least 0 and less than 1, got 1."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()


def test_the_same_channels_are_dropped_in_every_chunk():
    torch.manual_seed(0)
    layer, x = Dropout1d(50, 0.4), torch.ones(3, 8, 50)
    first, state = layer(x)
    second, _ = layer(x, state)
    assert torch.equal(first, second)
    assert torch.equal(first, first[:, :1].expand_as(first))
    assert first.unique().tolist() == pytest.approx([0, 1 / 0.6])
    assert not torch.equal(layer(x)[0], first)  # another sequence, another draw
    assert not torch.equal(first[0], first[1])


def test_a_channel_is_dropped_at_all_frequencies_and_steps():
    torch.manual_seed(0)
    y, state = Dropout1d((4, 50), 0.4)(torch.ones(3, 8, 4, 50))
    assert torch.equal(y, state.mask[:, None, None].expand(3, 8, 4, 50))
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.6])


def test_channels_of_rows_that_begin_anew_are_drawn_anew():
    layer, x = Dropout1d(50, 0.5), torch.ones(2, 1, 50)
    y, state = layer(x)
    after, _ = layer(x, layer.reset_rows(state, torch.tensor([True, False])))
    assert not torch.equal(after[0], y[0])
    assert torch.equal(after[1], y[1])


def test_eval_drops_nothing():
    layer, x = Dropout1d(5, 0.5), torch.randn(2, 4, 5)
    _, state = layer(x)
    assert torch.equal(layer.eval()(x, state)[0], x)
    assert torch.equal(layer(x)[0], x)

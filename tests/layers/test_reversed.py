"""A layer from the end of each row.

Axes: B batch, T time steps, I input features.
"""

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.close import close, gradients
from ostinato.errors import ConfigError, StreamingError
from ostinato.layers import (
    GRU,
    LSTM,
    AdaptiveAvgPool1d,
    CentredConv1d,
    CentredConv2d,
    Chain,
    Conv1d,
    Conv2d,
    Delay,
    MinGRU,
    Parallel,
    Residual,
    Reversed,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=4))
def test_each_row_is_turned_by_its_own_length(lengths):
    torch.manual_seed(0)
    inner = Chain(Conv1d(3, 4, 3), MinGRU(4, 5)).double()
    x = torch.randn(len(lengths), 8, 3, dtype=torch.float64)
    y, state = Reversed(inner)(x, None, torch.tensor(lengths))
    assert state == ()
    for row, length in enumerate(lengths):
        alone, _ = inner(x[row : row + 1, :length].flip(1))
        close(y[row : row + 1, :length], alone.flip(1))
        assert not y[row, length:].any()


def test_beside_the_layer_itself_it_is_bidirectional():
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(3, 5, batch_first=True, bidirectional=True).double()
    forward, backward = LSTM(3, 5).double(), LSTM(3, 5).double()
    weights = theirs.state_dict()
    forward.load_state_dict({name: weights[name] for name in forward.state_dict()})
    backward.load_state_dict({name: weights[f"{name}_reverse"] for name in backward.state_dict()})
    both = Parallel(forward, Reversed(backward))
    x = torch.randn(2, 7, 3, dtype=torch.float64, requires_grad=True)
    y, expected = both(x)[0], theirs(x)[0]
    close(y, expected)
    close(*(gradients([out], [x])[0] for out in (y, expected)))


def test_what_it_declares():
    layer = Reversed(Conv1d(3, 5, 4))
    assert (layer.input_size, layer.output_size, layer.receptive_field) == (3, 5, 4)
    assert not layer.streams
    assert Chain(layer, Conv1d(5, 2, 3)).receptive_field == 6
    assert Residual(Reversed(GRU(3, 3))).recurrent
    assert Reversed(CentredConv1d(3, 5, 3)).receptive_field == 3


@pytest.mark.parametrize(
    ("make", "oldest", "newest"),
    [
        (lambda: Reversed(Conv1d(3, 5, 4)), 7, 10),
        (lambda: Parallel(Conv1d(3, 5, 3), Reversed(Conv1d(3, 5, 4))), 5, 10),
        (lambda: Residual(CentredConv1d(3, 5, 5), Conv1d(3, 5, 4)), 4, 9),
        (lambda: Residual(CentredConv2d((4, 3), 2, (5, 1)), Conv2d((4, 3), 2, (4, 1))), 4, 9),
        (lambda: Chain(Parallel(Conv1d(3, 5, 3), Reversed(Conv1d(3, 5, 2))), CentredConv1d(10, 1, 3)), 4, 9),
        (lambda: Parallel(Reversed(MinGRU(3, 5)), Conv1d(3, 5, 3)), 5, math.inf),
    ],
    ids=["reversed", "around", "apart", "frequencies", "chain", "without limit"],
)
def test_paths_that_look_both_ways_see_as_far_as_both(make, oldest, newest):
    layer = make()
    assert (layer.oldest(7), layer.newest(7)) == (oldest, newest)
    assert layer.receptive_field == newest - oldest + 1


def test_twice_is_the_layer_itself():
    torch.manual_seed(0)
    layer, x, lengths = GRU(3, 5), torch.randn(2, 6, 3), torch.tensor([6, 4])
    assert torch.equal(Reversed(Reversed(layer))(x, None, lengths)[0], layer(x, None, lengths)[0])


def test_it_takes_no_state():
    layer = Reversed(GRU(3, 5))
    assert layer.initial_state(2) == ()
    with pytest.raises(
        StreamingError, match=r"Reversed needs the whole sequence at once and takes no state\."
    ):
        layer(torch.zeros(2, 4, 3), GRU(3, 5).initial_state(2))


@pytest.mark.parametrize(
    ("inner", "sentence"),
    [
        (lambda: Conv1d(3, 5, 4, stride=2), "must have stride 1, got Conv1d with stride 2."),
        (lambda: Delay(3, 4), "must have latency 0, got Delay with latency 4."),
        (
            lambda: AdaptiveAvgPool1d(3, 4),
            "must have steps_out None, got AdaptiveAvgPool1d with steps_out 4.",
        ),
        (lambda: torch.nn.Linear(3, 5), "a reversed layer takes layers that run along time, got Linear."),
    ],
)
def test_refusals(inner, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        Reversed(inner())

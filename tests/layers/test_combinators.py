"""Chains and shortcuts: what adds up, checked by hand, and what the end of a stream owes."""

import math
import re
from fractions import Fraction

import pytest
import torch
from torch import nn

from layers.close import close
from ostinato.errors import ConfigError
from ostinato.layers import (
    GRU,
    AdaptiveAvgPool1d,
    AvgPool1d,
    CentredConv1d,
    Chain,
    Conv1d,
    Delay,
    Dense,
    Identity,
    MaxPool1d,
    Pointwise,
    Residual,
    TradeFeatures,
)


def declared(layer):
    return layer.receptive_field, layer.latency, layer.stride


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        # 1 + 2·4 dilations
        (lambda: Chain(Conv1d(3, 4, 5, dilation=2)), (9, 0, 1)),
        # 9, then 3 more steps
        (lambda: Chain(Conv1d(3, 4, 5, dilation=2), Conv1d(4, 4, 4)), (12, 0, 1)),
        # 4; then (7 - 1) steps of 2; then (3 - 1) steps of 2
        (lambda: Chain(Conv1d(3, 4, 4, stride=2), Conv1d(4, 4, 3, dilation=3), MaxPool1d(4, 3)), (20, 0, 6)),
        # WaveNet: 1 + 1 + 2 + 4 + 8
        (lambda: Chain(*(Conv1d(3, 3, 2, dilation=2**n) for n in range(4))), (16, 0, 1)),
        # two steps ahead, then three of two steps each; 3 + (7 - 1) * 2
        (lambda: Chain(Conv1d(3, 4, 3, stride=2, latency=2), Conv1d(4, 4, 7, latency=3)), (15, 8, 2)),
        (lambda: Chain(Conv1d(3, 4, 3, stride=2), GRU(4, 4), AvgPool1d(4, 2)), (math.inf, 0, 4)),
        (lambda: Residual(Conv1d(3, 3, 3)), (3, 0, 1)),
        (lambda: Residual(Conv1d(3, 3, 5, latency=3)), (5, 3, 1)),
        (lambda: Residual(Conv1d(3, 3, 2, stride=2), Conv1d(3, 3, 7, stride=2)), (7, 0, 2)),
        (
            lambda: Residual(Chain(Residual(Conv1d(3, 3, 3, latency=1)), Conv1d(3, 3, 3, latency=2))),
            (5, 3, 1),
        ),
        (lambda: Delay(3, 4), (5, 4, 1)),
        (lambda: Chain(Identity(), Pointwise(nn.Tanh())), (1, 0, 1)),
    ],
)
def test_what_adds_up(make, expected):
    receptive_field, latency, stride = expected
    assert declared(make()) == (receptive_field, latency, Fraction(stride))


def test_sizes_pass_through_layers_that_take_any():
    chain = Chain(Identity(), Dense(3, 5), Pointwise(nn.Tanh()), Conv1d(5, 2, 3))
    assert (chain.input_size, chain.output_size) == (3, 2)
    assert Chain(Identity()).input_size is None


def test_layers_have_names_or_places():
    chain = Chain(Dense(3, 5), head=Dense(5, 2))
    assert list(dict(chain.named_children())) == ["0", "head"]
    assert chain.head is chain.layers[1]


def test_a_layer_may_stand_in_two_places():
    dense = Dense(3, 3)
    chain, x = Chain(dense, dense), torch.randn(2, 7, 3)
    assert len(chain.layers) == 2
    torch.testing.assert_close(chain(x)[0], dense(dense(x)[0])[0])
    assert len(list(chain.parameters())) == 2


def owed_and_twin(streaming, whole):
    """y of the stream and its end, moved back by the latency; y of the whole-sequence twin."""
    torch.manual_seed(0)
    streaming, whole = streaming.double(), whole.double()
    for ours, theirs in zip(streaming.parameters(), whole.parameters(), strict=True):
        ours.data = theirs.data
    x = torch.randn(2, 12, 3, dtype=torch.float64)
    y, state = streaming(x)
    lag = int(streaming.latency / streaming.stride)
    return torch.cat([y, streaming.flush(state)], dim=1)[:, lag:], whole(x)[0]


@pytest.mark.parametrize(
    ("streaming", "whole"),
    [
        pytest.param(
            lambda: Chain(Conv1d(3, 4, 5, latency=2), Pointwise(nn.Tanh()), Dense(4, 2)),
            lambda: Chain(CentredConv1d(3, 4, 5), Pointwise(nn.Tanh()), Dense(4, 2)),
            id="pointwise-after",
        ),
        pytest.param(
            lambda: Chain(Conv1d(3, 4, 3, stride=2), Conv1d(4, 2, 5, latency=2)),
            lambda: Chain(Conv1d(3, 4, 3, stride=2), CentredConv1d(4, 2, 5)),
            id="after-a-stride",
        ),
        pytest.param(
            lambda: Residual(Conv1d(3, 3, 5, latency=2)),
            lambda: Residual(CentredConv1d(3, 3, 5)),
            id="shortcut-waits",
        ),
    ],
)
def test_stream_and_flush_equal_the_whole_sequence_twin(streaming, whole):
    close(*owed_and_twin(streaming(), whole()))


def test_layer_after_layer_looks_ahead():
    """The second meets what the first made of the time before the beginning, where the twin meets zeros."""
    found, expected = owed_and_twin(
        Chain(Conv1d(3, 4, 5, latency=2), Residual(Conv1d(4, 4, 3, latency=1)), Conv1d(4, 2, 7, latency=3)),
        Chain(CentredConv1d(3, 4, 5), Residual(CentredConv1d(4, 4, 3)), CentredConv1d(4, 2, 7)),
    )
    back = 1 + 3  # steps that the second and third layer look back
    close(found[:, back:], expected[:, back:])


def test_a_whole_sequence_chain_owes_nothing():
    chain = Chain(CentredConv1d(3, 4, 3), Dense(4, 2))
    _, state = chain(torch.randn(2, 7, 3))
    assert state == ()
    assert chain.flush(state).numel() == 0


def test_a_residual_is_the_sum():
    torch.manual_seed(0)
    body, shortcut = Conv1d(3, 5, 3, stride=2), Conv1d(3, 5, 1, stride=2)
    x = torch.randn(2, 7, 3)
    torch.testing.assert_close(Residual(body, shortcut)(x)[0], body(x)[0] + shortcut(x)[0])
    plain = Conv1d(3, 3, 3)
    torch.testing.assert_close(Residual(plain)(x)[0], plain(x)[0] + x)


def test_raw_columns_come_out_in_the_dtype_of_the_network():
    chain = Chain(TradeFeatures((2,)), Dense(7, 2))
    x = torch.rand(1, 4, 3, dtype=torch.float64) + 1
    y, state = chain(x)
    assert y.dtype == chain.output_dtype(torch.float64) == torch.float32
    assert state[0].trades.dtype == torch.float64
    assert chain.double()(x)[0].dtype == torch.float64


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Chain(), "a chain needs at least one layer, got none."),
        (
            lambda: Chain(Dense(3, 5), Identity(), Dense(4, 2)),
            "layer 2 of the chain (Dense) takes 4 features, the one before it gives 5. Make them equal.",
        ),
        (
            lambda: Residual(Dense(3, 5)),
            "the body gives 5 features, the shortcut 3. Pass a shortcut that maps to 5, for example a Conv1d "
            "with kernel_size=1.",
        ),
        (lambda: Residual(MaxPool1d(3, 2)), "the body has stride 2: pass a shortcut with the same stride."),
        (
            lambda: Residual(MaxPool1d(3, 2), Identity()),
            "the body has stride 2, the shortcut 1. Both paths must give the same steps.",
        ),
        (
            lambda: Residual(Conv1d(3, 3, 3, latency=2), Delay(3, 1)),
            "the body has latency 2, the shortcut 1. Both paths must give the same steps.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()


def test_a_body_that_waits_must_say_its_size():
    body = Identity()
    body.latency = 2
    with pytest.raises(ConfigError, match="a body with latency must say its input_size"):
        Residual(body)


def test_what_adds_up_is_known_where_nothing_has_memory():
    with torch.device("meta"):
        chain = Chain(Residual(Conv1d(3, 3, 3)), AdaptiveAvgPool1d(3, 2), Dense(3, 4))
    assert (chain.steps_out, chain.output_size) == (2, 4)

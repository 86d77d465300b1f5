"""Magnitudes and masks, and a chain that hears, masks and speaks as it streams.

Axes: B batch, T samples or frames, F frequencies, C channels.
"""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from layers.close import close, gradients
from layers.test_spectral import as_complex, normal
from ostinato.checks.subject import run_chunks
from ostinato.core import SequenceLayer
from ostinato.errors import ConfigError
from ostinato.layers import (
    GRU,
    ISTFT,
    LSTM,
    STFT,
    ApplyMask,
    Chain,
    Conv1d,
    Delay,
    Dense,
    Flatten,
    Identity,
    Magnitude,
    MelFilter,
    Pointwise,
    UNet,
    Unflatten,
)


def network(size: tuple[int, int], memory: SequenceLayer) -> Chain:
    """Real masks, made of the logarithms of magnitudes."""
    masks = size[0], size[1] // 2
    head = Chain(Dense(memory.output_size, masks[0] * masks[1]), Pointwise(nn.Sigmoid()))
    return Chain(Magnitude(size, log=True), Flatten(masks), memory, head, Unflatten(masks))


@pytest.mark.parametrize(("power", "log"), [(1, False), (2, False), (0.3, False), (1, True), (2.0, True)])
def test_magnitudes_are_torch_s(power, log):
    x = normal(2, 3, 5, 4)
    y, _ = Magnitude((5, 4), power, log)(x)
    expected = as_complex(x).abs() ** power
    expected = expected.log() if log else expected
    close(y, expected)
    close(*gradients([y], [x]), *gradients([expected], [x]))


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({}, 1e-8),
        ({"floor": 0.0}, 0.0),
        ({"floor": 0.0, "power": 0.5}, 0.0),
        ({"floor": 0.5, "power": 2}, 0.25),
        ({"floor": 1.0, "log": True}, 0.0),
    ],
)
def test_silence_has_a_magnitude_and_no_slope(options, value):
    x = torch.zeros(1, 2, 3, 2, requires_grad=True)
    y, _ = Magnitude((3, 2), **options)(x)
    assert torch.equal(y, torch.full_like(y, value))
    assert torch.equal(*gradients([y], [x]), torch.zeros_like(x))


def test_frames_wait_for_a_body_that_goes_down_and_up_again():
    unet = UNet(5, (4, 4), 2, norm=None)
    body = network((5, 2), Chain(unet, Conv1d(4, 4, 3, latency=1))).double()
    mask, x = ApplyMask(body), normal(2, 9, 5, 2)
    y, state = mask(x)
    assert (mask.block, mask.latency, y.shape[1]) == (2, 1, 8)
    y = torch.cat([y, mask.flush(state)], dim=1)[:, 1:]
    masks, after = body(x)
    masks = torch.cat([masks, body.flush(after)], dim=1)[:, 1:]
    close(as_complex(y), as_complex(x[:, :8]) * masks)


def test_a_real_mask_weighs_both_parts():
    body = network((5, 4), GRU(10, 3)).double()
    x = normal(2, 6, 5, 4)
    y, _ = ApplyMask(body)(x)
    expected = as_complex(x) * body(x)[0]
    close(as_complex(y), expected)
    for one, other in zip(
        gradients([y], [x, *body.parameters()]),
        gradients([torch.view_as_real(expected).flatten(3)], [x, *body.parameters()]),
        strict=True,
    ):
        close(one, other)


def test_a_complex_mask_turns_phases():
    body = Chain(Flatten((3, 4)), LSTM(12, 12), Unflatten((3, 4))).double()
    x = normal(2, 6, 3, 4)
    y, _ = ApplyMask(body)(x)
    close(as_complex(y), as_complex(x) * as_complex(body(x)[0]))


def test_frames_wait_for_a_network_that_looks_ahead():
    body = network((3, 2), Conv1d(3, 4, 4, latency=3)).double()
    layer, x = ApplyMask(body), normal(1, 9, 3, 2)
    assert layer.latency == 3
    y, state = layer(x)
    masks = torch.cat([body(x)[0], body.flush(body(x)[1])], dim=1)[:, 3:]
    close(torch.cat([y, layer.flush(state)], dim=1)[:, 3:], x * masks)


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from([(8, 4), (8, 3), (5, 2), (6, 6)]),
    st.booleans(),
    st.lists(st.integers(0, 7), max_size=9),
    st.lists(st.integers(0, 30), min_size=3, max_size=3),
)
def test_a_masked_stream_is_the_masked_whole(sizes, ahead, pieces, lengths):
    """STFT, mask by a network that remembers, inverse: chunk by chunk, rows of any length."""
    torch.manual_seed(0)
    window, hop = sizes
    stft = STFT(2, window, hop, "hamming")
    count = 2 * (window // 2 + 1)
    memory = Chain(Conv1d(count, 3, 3, latency=2), GRU(3, 4)) if ahead else GRU(count, 4)
    chain = Chain(stft, ApplyMask(network(stft.output_size, memory)), stft.inverse()).double()
    assert chain.latency == window - hop + 2 * hop * ahead
    x = normal(3, 30, 2)
    pieces = [*pieces, 30]
    cuts = [
        min(piece, 30 - sum(pieces[:place])) for place, piece in enumerate(pieces) if sum(pieces[:place]) < 30
    ]
    inputs = [x, *chain.parameters()]
    for valid in (None, torch.tensor(lengths)):
        whole, end = chain(x, None, valid)
        y, state = run_chunks(chain, x, cuts, valid)
        close(y, whole)
        for one, other in zip(gradients([y], inputs), gradients([whole], inputs), strict=True):
            close(one, other)
        if valid is None:
            close(chain.flush(state), chain.flush(end))
    for row, length in enumerate(lengths):  # a row is what it is alone
        alone, _ = chain(x[row : row + 1, :length])
        close(whole[row : row + 1, : alone.shape[1]], alone)
        assert not whole[row, alone.shape[1] :].any()


def test_a_mask_of_ones_is_a_delay():
    class Ones(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.ones_like(x[..., :1])

    stft, x = STFT(1, 8, 2), normal(1, 24, 1)
    body = Chain(Delay((5, 2), 0), Pointwise(Ones(), (5, 2), (5, 1)))
    y, _ = Chain(stft, ApplyMask(body), stft.inverse())(x)
    close(y[:, 6:], x[:, :18])
    assert bool((y[:, :6].abs() < 1e-12).all())


def test_mel_bands_go_between():
    stft = STFT(2, 16, 8)
    features = Chain(stft, Magnitude(stft.output_size, power=2), MelFilter((9, 2), 3, 8000))
    assert features.output_size == (3, 2)
    assert features(torch.ones(1, 20, 2))[0].shape == (1, 2, 3, 2)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: Magnitude(4),
            "frames must be (F, 2 C), frequencies by the real and imaginary part of each channel, got 4",
        ),
        (
            lambda: Magnitude((4, 3)),
            "frames must be (F, 2 C), frequencies by the real and imaginary part of each channel",
        ),
        (lambda: Magnitude((0, 2)), "frames must be a whole number of at least 1, got (0, 2)."),
        (lambda: Magnitude((4, 2), power=0), "power must be above 0, got 0: 1 gives magnitudes, 2 energies."),
        (lambda: Magnitude((4, 2), floor=-1), "floor must be 0 or more, got -1."),
        (
            lambda: Magnitude((4, 2), log=True, floor=0),
            "floor must be above 0, since 0 has no logarithm, got 0.",
        ),
        (lambda: ApplyMask(nn.Linear(2, 2)), "a mask takes layers that run along time, got Linear."),
        (
            lambda: ApplyMask(Identity()),
            "frames must be (F, 2 C), frequencies by the real and imaginary part of each",
        ),
        (
            lambda: ApplyMask(Flatten((3, 2))),
            "the body of a mask gives 6 for frames of (3, 2). Let it end with (3, 1), or with",
        ),
        (
            lambda: ApplyMask(Chain(Flatten((3, 2)), Conv1d(6, 3, 2, stride=2), Unflatten((3, 1)))),
            "the body of a mask must give a mask for each frame, its stride is 2.",
        ),
        (
            lambda: Chain(STFT(1, 8, 4), ApplyMask(network((9, 2), GRU(9, 2)))),
            "layer 1 of the chain (ApplyMask) takes (9, 2) features, the one before it gives (5, 2). Make them equal.",
        ),
        (
            lambda: Chain(STFT(1, 8, 4), ISTFT(2, 8, 4)),
            "layer 1 of the chain (ISTFT) takes (5, 4) features, the one before it gives (5, 2). Make them equal.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()

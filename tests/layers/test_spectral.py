"""STFT and its inverse against torch's, SciPy's, the equations written out, and each other.

Axes: B batch, T samples or frames, C channels, N window in samples, S hop in samples, F frequencies.
"""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.signal import check_NOLA, get_window, stft
from torch import Tensor

from layers.close import close, gradients
from ostinato.checks.subject import run_chunks
from ostinato.core import leaves
from ostinato.errors import ConfigError
from ostinato.layers import ISTFT, STFT, Chain

WINDOWS = ["hann", "hamming", "boxcar", "blackman", ("kaiser", 5.0), ("tukey", 0.5), "cosine"]
windows = st.sampled_from(WINDOWS)
lengths = st.integers(1, 16)


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def weights(kind, length: int) -> Tensor:
    return torch.from_numpy(get_window(kind, length))


def before(x: Tensor, window: int, hop: int) -> Tensor:
    """x (B, T, C) as channel-first rows (B, C, T + N - S) that torch cuts into our frames; shorter where S > N."""
    return F.pad(x.transpose(1, 2), (window - hop, 0))


def as_complex(frames: Tensor) -> Tensor:
    """(B, T, F, 2 C) to (B, T, F, C)."""
    return torch.view_as_complex(frames.unflatten(-1, (-1, 2)).contiguous())


@settings(deadline=None, max_examples=60)
@given(lengths, st.integers(1, 20), windows, st.integers(1, 3), st.integers(0, 30))
def test_values_and_gradients_are_torch_s(window, hop, kind, channels, more):
    x = normal(2, hop + more, channels)
    layer = STFT(channels, window, hop, kind, latency=0)
    y, _ = layer(x)
    rows = before(x, window, hop).flatten(0, 1)
    theirs = torch.stft(
        rows, window, hop, window=weights(kind, window), center=False, onesided=True, return_complex=True
    )  # (B C, F, T')
    expected = torch.view_as_real(theirs.unflatten(0, (2, channels))).permute(0, 3, 2, 1, 4).flatten(3)
    assert y.shape == (2, (hop + more) // hop, window // 2 + 1, 2 * channels)
    close(y, expected)
    close(*gradients([y], [x]), *gradients([expected], [x]))


@pytest.mark.parametrize(("window", "hop"), [(8, 4), (8, 3), (7, 2), (5, 5)])
@pytest.mark.parametrize("kind", WINDOWS, ids=str)
def test_values_are_scipy_s(window, hop, kind):
    x = normal(1, 37, 1).detach()
    y, _ = STFT(1, window, hop, kind)(x)
    w, rows = get_window(kind, window), before(x, window, hop)[0, 0].numpy()
    _, _, theirs = stft(rows, window=w, nperseg=window, noverlap=window - hop, boundary=None, padded=False)
    close(as_complex(y)[0, :, :, 0], torch.from_numpy(theirs.T * w.sum()))  # they scale


def written_out(frames: Tensor, window: int, hop: int, kind) -> Tensor:
    """Equation 6 of Griffin & Lim 1984, sample by sample, for frames (B, T, F, 2 C)."""
    steps, count, channels = frames.shape[1], window // 2 + 1, frames.shape[3] // 2
    w = weights(kind, window)
    above, below = [[frames.new_zeros(()) for _ in range(hop * steps)] for _ in range(2)]
    for m in range(hop * steps):
        for j in range(-window, steps):  # the frames before the first say nothing and are counted
            n = m - j * hop
            if 0 <= n < window:
                below[m] = below[m] + w[n] ** 2
                if j >= 0:
                    above[m] = above[m] + w[n] * inverse(frames[:, j], n, window, count, channels)
    return torch.stack([up / down for up, down in zip(above, below, strict=True)], dim=1)


def inverse(frame: Tensor, n: int, window: int, count: int, channels: int) -> Tensor:
    """Sample n of the inverse transform of a frame (B, F, 2 C): (B, C)."""
    angles = torch.tensor([2 * torch.pi * f * n / window for f in range(count)], dtype=torch.float64)
    twice = torch.tensor(
        [1.0 if f == 0 or 2 * f == window else 2.0 for f in range(count)], dtype=torch.float64
    )
    parts = frame.unflatten(-1, (channels, 2))
    sines = torch.where(twice == 1, 0.0, angles.sin())  # the ends of a real spectrum are real
    waves = angles.cos()[:, None] * parts[..., 0] - sines[:, None] * parts[..., 1]
    return (twice[:, None] * waves).sum(dim=1) / window


@pytest.mark.parametrize(
    ("window", "hop", "kind"),
    [
        (6, 3, "hann"),
        (5, 2, "hann"),
        (4, 4, "boxcar"),
        (7, 3, "hamming"),
        (1, 1, "hann"),
        (6, 4, ("tukey", 0.5)),
    ],
)
def test_the_inverse_is_the_equation(window, hop, kind):
    """On frames that are no transform of anything, as masked ones are."""
    layer = ISTFT(2, window, hop, kind)
    frames = normal(2, 4, window // 2 + 1, 4)
    y, _ = layer(frames)
    expected = written_out(frames, window, hop, kind)
    close(y, expected)
    close(*gradients([y], [frames]), *gradients([expected], [frames]))


@pytest.mark.parametrize(("window", "hop"), [(8, 4), (8, 2), (9, 3), (12, 5)])
def test_the_inverse_is_torch_s_where_all_frames_reach(window, hop):
    frames = normal(1, 11, window // 2 + 1, 2).detach()
    y, _ = ISTFT(1, window, hop)(frames)
    rows = as_complex(frames)[0, :, :, 0].T
    expected = torch.istft(
        rows, window, hop, window=weights("hann", window)
    )  # without N // 2 samples at each end
    inner = slice(window, 10 * hop)
    cut = slice(window - window // 2, 10 * hop - window // 2)
    close(y[0, inner, 0], expected[cut])


@settings(deadline=None, max_examples=80)
@given(
    lengths, lengths, windows, st.integers(1, 3), st.integers(0, 40), st.lists(st.integers(0, 9), max_size=8)
)
def test_samples_come_back(window, hop, kind, channels, steps, pieces):
    assume(hop <= window and check_NOLA(get_window(kind, window), window, window - hop))
    layer = STFT(channels, window, hop, kind)
    chain = Chain(layer, layer.inverse())
    assert (chain.latency, chain.stride, chain.block) == (window - hop, 1, hop)
    x = normal(2, steps, channels, seed=window)
    pieces = [piece for piece in pieces if piece <= steps]
    while sum(pieces) > steps:
        pieces.pop()
    y, state = run_chunks(chain, x, [*pieces, steps - sum(pieces)])
    y = torch.cat([y, chain.flush(state)], dim=1)
    assert y.shape[1] == (steps + window - hop) // hop * hop
    expected = F.pad(x, (0, 0, window - hop, hop))[:, : y.shape[1]]
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-10)
    if y.shape[1] > window - hop:
        close(*gradients([y], [x]), *gradients([expected], [x]))


@pytest.mark.parametrize("kind", [*WINDOWS, "flattop", "bartlett"], ids=str)
def test_what_cannot_be_inverted_is_what_scipy_says(kind):
    for window in range(1, 13):
        for hop in range(1, window + 1):
            if check_NOLA(get_window(kind, window), window, window - hop):
                ISTFT(1, window, hop, kind)
            else:
                with pytest.raises(ConfigError, match="leave samples that no frame holds"):
                    ISTFT(1, window, hop, kind)


def test_the_latency_changes_no_number():
    x = normal(1, 20, 1)
    assert torch.equal(STFT(1, 8, 3)(x)[0], STFT(1, 8, 3, latency=0)(x)[0])
    assert (STFT(1, 8, 3).latency, STFT(1, 8, 3, latency=0).latency, STFT(1, 3, 8).latency) == (5, 0, 0)


def test_a_sample_weighed_by_nothing_is_not_seen():
    assert STFT(1, 8, 4).receptive_field == 7  # a periodic Hann window begins with 0
    assert STFT(1, 8, 4, "boxcar").receptive_field == 8
    assert [ISTFT(1, 8, 4).oldest(step) for step in (40, 41)] == [9, 9]
    assert [ISTFT(1, 6, 4).oldest(step) for step in (40, 41, 42, 43)] == [9, 9, 10, 10]


def test_digits_survive_float32():
    """A window in float32 would be rounded for good."""
    x = normal(1, 24, 1).detach()
    chain = Chain(STFT(1, 8, 4), ISTFT(1, 8, 4))
    expected, frames = chain(x)[0], chain.layers[0](x)[0]
    chain = chain.float().double()
    assert torch.equal(chain(x)[0], expected)
    assert torch.equal(chain.layers[0](x)[0], frames)
    assert chain(x.float())[0].dtype == torch.float32
    assert not chain.state_dict()


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision(half):
    """torch transforms no such numbers on the CPU."""
    x = normal(1, 24, 1).detach()
    chain = Chain(STFT(1, 8, 4), ISTFT(1, 8, 4))
    y, state = chain(x.to(half))
    assert y.dtype == half
    assert {leaf.dtype for leaf in leaves(state) if leaf.is_floating_point()} == {half}
    assert (y.double() - chain(x)[0]).abs().max() < 0.1


def test_windows_move_with_the_layer():
    layer = STFT(1, 8, 4).to("meta")
    assert layer.window.values.device.type == "cpu"  # there would be no values left
    y, _ = layer.to("cpu")(torch.ones(1, 8, 1))
    assert bool(y.isfinite().all())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: STFT(1, 0, 4), "window must be a whole number of at least 1, got 0."),
        (lambda: STFT(1, 8, 0), "hop must be a whole number of at least 1, got 0."),
        (lambda: STFT(0, 8, 4), "input_size must be a whole number of at least 1, got 0."),
        (
            lambda: STFT((4, 2), 8, 4),
            "input_size must be one number, got (4, 2). Samples have channels and no further",
        ),
        (lambda: STFT(1, 8, 4, latency=8), "latency must be 0 to 7 steps, the window less one, got 8."),
        (
            lambda: STFT(1, 8, 4, "hat"),
            "there is no window 'hat' (",
        ),
        (lambda: STFT(1, 8, 4, ("kaiser",)), "there is no window ('kaiser',) ("),
        (
            lambda: STFT(1, 8, 4, ("kaiser", np.nan)),
            "the window ('kaiser', nan) of 8 samples is not made of finite",
        ),
        (lambda: ISTFT(0, 8, 4), "output_size must be a whole number of at least 1, got 0."),
        (
            lambda: ISTFT(1, 8, 8),
            "windows 'hann' of 8 samples, 8 apart, leave samples that no frame holds, so the transform cannot be "
            "inverted. Use a hop of at most 7.",
        ),
        (
            lambda: ISTFT(1, 4, 6, "boxcar"),
            "windows 'boxcar' of 4 samples, 6 apart, leave samples that no frame holds",
        ),
        (lambda: STFT(1, 4, 6, "boxcar").inverse(), "inverted. Use a hop of at most 4."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()

"""Sampling up and down against NumPy and SciPy: firwin, lfilter, upfirdn, resample_poly, interp.

Axes: B batch, T time steps, C features, S factor, K taps.
"""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from layers.close import close, gradients
from ostinato.errors import ConfigError, StreamingError
from ostinato.layers import (
    Chain,
    Conv1d,
    ConvTranspose1d,
    Decimate,
    Delay,
    Downsample,
    Identity,
    InBlocks,
    Interpolate,
    LowPass,
    Parallel,
    Residual,
    Upsample,
)


def noise(steps, features=2, batch=2):
    return torch.randn(
        batch, steps, features, dtype=torch.float64, generator=torch.Generator().manual_seed(steps)
    )


def by_scipy(function, x):
    """``function`` along time, in NumPy."""
    return torch.from_numpy(np.ascontiguousarray(function(x.detach().numpy())))


def sines(*frequencies, steps):
    """(1, T, number), cycles per step."""
    time = torch.arange(steps, dtype=torch.float64)
    return torch.stack([torch.sin(2 * math.pi * f * time + 0.3) for f in frequencies], dim=-1)[None]


# leaving out, repeating, drawing lines


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 5), st.integers(0, 17))
def test_downsample_keeps_the_last_of_each_block(factor, steps):
    x = noise(steps)
    assert torch.equal(Downsample(2, factor)(x)[0], x[:, factor - 1 :: factor])


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 5), st.integers(0, 9))
def test_upsample_repeats(factor, steps):
    x = noise(steps)
    assert torch.equal(Upsample(2, factor)(x)[0], x.repeat_interleave(factor, dim=1))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 5), st.integers(1, 9))
def test_upsample_draws_lines(factor, steps):
    """numpy.interp through zero at the step before the first and x at the end of each block; torch's with corners."""
    x = noise(steps).requires_grad_()
    y, state = Upsample(2, factor, "linear")(x)
    knots = np.arange(-1, steps) * factor + factor - 1
    lines = [
        [np.interp(np.arange(steps * factor), knots, [0.0, *row]) for row in one.T]
        for one in x.detach().numpy()
    ]
    close(y, torch.from_numpy(np.array(lines)).transpose(1, 2))
    begun = torch.nn.functional.pad(x.transpose(1, 2), (1, 0))
    theirs = torch.nn.functional.interpolate(
        begun, size=steps * factor + 1, mode="linear", align_corners=True
    ).transpose(1, 2)[:, 1:]
    close(y, theirs)
    close(*(gradients([value], [x])[0] for value in (y, theirs)))
    if factor > 1:
        assert torch.equal(state.previous, x[:, -1:])


@pytest.mark.parametrize("size", [3, (2, 3)])
@pytest.mark.parametrize("up", [lambda s: Upsample(s, 3), lambda s: Upsample(s, 3, "linear")])
def test_up_and_down_again_changes_nothing(size, up):
    x = torch.randn(2, 5, *(size if isinstance(size, tuple) else (size,)), dtype=torch.float64)
    chain = Chain(up(size), Downsample(size, 3))
    assert torch.equal(chain(x)[0], x)
    assert (chain.stride, chain.block, chain.latency) == (1, 1, 0)


# filters


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 12).map(lambda half: 2 * half + 1),
    st.floats(0.01, 0.49),
    st.floats(0, 12),
    st.integers(1, 3),
    st.integers(1, 30),
)
def test_low_pass_is_firwin_s_filter(kernel_size, cutoff, beta, stride, steps):
    layer = LowPass(2, cutoff, kernel_size, stride=stride, beta=beta)
    taps = signal.firwin(kernel_size, cutoff, window=("kaiser", beta), fs=1)
    x = noise(steps).requires_grad_()
    y = layer(x)[0]
    expected = by_scipy(lambda x: signal.lfilter(taps, [1.0], x, axis=1), x)[:, stride - 1 :: stride]
    close(y, expected)
    if y.shape[1]:
        (slope,) = torch.autograd.grad(y[:, -1].sum(), x)
        last = (y.shape[1] - 1) * stride + stride - 1
        seen = min(last + 1, kernel_size)
        close(slope[0, last + 1 - seen : last + 1, 0], torch.from_numpy(taps[:seen][::-1].copy()))
    assert layer.latency == kernel_size // 2


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_decimate_is_resample_poly(factor):
    """SciPy keeps the first step of each block: it is given a step of silence before, and its first is left out."""
    x = noise(8 * factor)
    layer = Decimate(2, factor, half_width=10)
    y, state = layer(x)
    found = torch.cat([y, layer.flush(state)], dim=1)[:, 10:]
    if factor == 1:
        close(found, x)
        return
    silence = torch.nn.functional.pad(x, (0, 0, 1, 0))
    expected = by_scipy(lambda x: signal.resample_poly(x, 1, factor, axis=1), silence)[:, 1:]
    close(found, expected)


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_interpolate_is_resample_poly(factor):
    """SciPy puts x at the first step of each block, and ends when x does; and it is upfirdn by another name."""
    x = noise(8)
    layer = Interpolate(2, factor)
    y, state = layer(x)
    found = torch.cat([y, layer.flush(state)], dim=1)[:, 10 * factor + factor - 1 :]
    if factor == 1:
        close(found, x)
        return
    expected = by_scipy(lambda x: signal.resample_poly(x, factor, 1, axis=1), x)
    close(found, expected[:, : found.shape[1]])
    taps = factor * signal.firwin(20 * factor + 1, 1 / factor, window=("kaiser", 5.0))
    whole = by_scipy(lambda x: signal.upfirdn(taps, x, up=factor, axis=1), x)
    close(y[:, factor - 1 :], whole[:, : y.shape[1] - factor + 1])


@pytest.mark.parametrize(("half_width", "apart"), [(4, 2e-3), (10, 1e-3)])
def test_interpolate_passes_through_the_points(half_width, apart):
    """But for a gain: the filter adds up to 1, so what is not 0 at the others is not quite 1 here."""
    x = noise(30)
    for factor in (2, 3):
        y = Interpolate(2, factor, half_width=half_width)(x)[0]
        gain = y[:, factor - 1 :: factor][:, half_width:] / x[:, : 30 - half_width]
        close(gain, gain.mean().expand(gain.shape))
        assert abs(gain.mean() - 1) < apart


def test_three_halves_is_resample_poly():
    """Up by 3 and down by 2, of sines that both rates hold: SciPy's filter is one, ours two, and both let them pass."""
    x = sines(0.02, 0.07, steps=240)
    chain = Chain(Interpolate(2, 3), Decimate(2, 2, half_width=12))
    assert (chain.stride, chain.block, chain.latency) == (Fraction(2, 3), 2, 18)
    y, state = chain(x)
    found = torch.cat([y, chain.flush(state)], dim=1)[:, 27:]
    # y[j] is the instant at which fine step 2 j + 1 ends, x[t] that at which 3 t + 2 does; SciPy's begin together
    instants = (2 * torch.arange(360, dtype=torch.float64) - 1) / 3
    expected = torch.stack([torch.sin(2 * math.pi * f * instants + 0.3) for f in (0.02, 0.07)], dim=-1)[None]
    assert (found - expected)[:, 30:-30].abs().max() < 5e-3
    theirs = by_scipy(lambda x: signal.resample_poly(x, 3, 2, axis=1), x)
    instants = 2 * torch.arange(360, dtype=torch.float64) / 3
    expected = torch.stack([torch.sin(2 * math.pi * f * instants + 0.3) for f in (0.02, 0.07)], dim=-1)[None]
    assert (theirs - expected)[:, 30:-30].abs().max() < 5e-3


def test_low_pass_lets_pass_what_is_slow():
    """As far as the Kaiser window promises: 5 % wide, 87 dB down for beta 8.6."""
    layer = LowPass(4, 0.1, 121, beta=8.6)
    y = layer(sines(0.01, 0.07, 0.13, 0.4, steps=800))[0][0, 200:]
    gain = y.square().mean(0).mul(2).sqrt()
    torch.testing.assert_close(gain[:2], torch.ones(2, dtype=torch.float64), rtol=2e-3, atol=0)
    assert (20 * gain[2:].log10() < -85).all()
    half = LowPass(1, 0.1, 121)(sines(0.1, steps=800))[0][0, 200:]
    torch.testing.assert_close(half.square().mean().mul(2).sqrt().item(), 0.5, rtol=1e-2, atol=0)


def test_decimating_does_not_alias():
    """0.4 cycles per step, every 4th: it would come back as 0.4; plain downsampling keeps it, Decimate does not."""
    x = sines(0.4, steps=400)
    assert Downsample(1, 4)(x)[0].abs().max() > 0.9
    assert Decimate(1, 4)(x)[0][:, 25:].abs().max() < 5e-3


@pytest.mark.parametrize("factor", [2, 3])
def test_down_and_up_again_gives_back_what_the_low_rate_holds(factor):
    x = sines(0.03, 0.11, steps=40 * 2 * factor)
    chain = Chain(Decimate(2, factor), Interpolate(2, factor))
    y, late = chain(x)[0], chain.latency
    assert late == 20 * factor
    assert (y[:, 2 * late :] - x[:, late : x.shape[1] - late]).abs().max() < 5e-3


def test_taps_keep_their_digits():
    """A layer that was float32 for a while filters float64 as if it had not been."""
    layer, x = LowPass(2, 0.2, 9), noise(12)
    y = layer(x)[0]
    assert torch.equal(layer.float().double()(x)[0], y)
    assert layer(x.float())[0].dtype == torch.float32
    assert not layer.state_dict()


# waiting for blocks


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.lists(st.integers(0, 5), max_size=5))
def test_in_blocks_hands_on_whole_blocks(block, pieces):
    x, state, given = noise(sum(pieces)), None, 0
    layer = InBlocks(2, block)
    for end, piece in zip(np.cumsum(pieces), x.split(pieces, dim=1) if pieces else [], strict=True):
        y, state = layer(piece, state)
        assert torch.equal(y, x[:, given : end // block * block])
        given += y.shape[1]


def test_a_shortcut_waits_for_blocks():
    body = Chain(Conv1d(2, 3, 4, stride=3, latency=3), ConvTranspose1d(3, 2, 6, stride=3, latency=1)).double()
    layer = Residual(body)
    assert [type(one).__name__ for one in layer.shortcut.layers] == ["InBlocks", "Delay"]
    x = noise(12)
    y = layer(x)[0]
    close(y[:, 6:], body(x)[0][:, 6:] + x[:, :6])
    assert isinstance(Residual(Chain(Upsample(2, 3), Downsample(2, 3))).shortcut, Identity)


def test_a_row_that_ended_within_a_block_goes_on_no_more():
    layer = InBlocks(2, 3)
    _, state = layer(noise(4), None, torch.tensor([4, 2]))
    with pytest.raises(StreamingError, match="row 1 ended in an earlier chunk, and InBlocks"):
        layer(noise(3), state)


def test_paths_at_another_pace_are_refused():
    """Both turn 4 steps into 4, in blocks of 3, but one gives its steps earlier."""
    body = Chain(Upsample(2, 4), Downsample(2, 3), Upsample(2, 3), Downsample(2, 4))
    assert (body.stride, body.block) == (1, 3)
    sentence = "step by step the body gives 0, 1, 3 steps in all, the shortcut 0, 0, 3. Both must give them at the same"
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        Residual(body)
    with pytest.raises(
        ConfigError, match=re.escape("step by step the layers give 0, 1, 3; 0, 0, 3 steps in all.")
    ):
        Parallel(body, InBlocks(2, 3))


def test_what_the_end_would_lose_is_refused():
    sentence = (
        "layer 2 of the chain (Delay) looks ahead, and those before it by 2 steps in blocks of 3, which does not fill "
        "their blocks"
    )
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        Chain(Conv1d(2, 2, 5, stride=3, latency=2), Upsample(2, 3), Delay(2, 1))
    chain = Chain(Conv1d(2, 2, 5, stride=3, latency=3), Upsample(2, 3), Delay(2, 1))
    _, state = chain(torch.randn(1, 9, 2))
    assert chain.flush(state).shape[1] == chain.latency == 4


def test_a_chain_that_comes_back_down_steps_one_at_a_time():
    chain = Chain(Downsample(2, 2), Upsample(2, 2, "linear"), Downsample(2, 2)).eval()
    stepper, x = chain.stepper(dtype=torch.float64), noise(6, batch=1)
    steps = [stepper.step(x[:, t]) for t in range(6)]
    assert [step is None for step in steps] == [True, False] * 3
    close(torch.stack(steps[1::2], dim=1), chain(x)[0])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Downsample(3, 0), "factor must be a whole number of at least 1, got 0."),
        (lambda: Downsample(0, 2), "input_size must be a whole number of at least 1, got 0."),
        (lambda: Upsample(3, 0), "factor must be a whole number of at least 1, got 0."),
        (lambda: Upsample(3, 2, "cubic"), "mode must be 'repeat' or 'linear', got 'cubic'."),
        (lambda: LowPass(3, 0.2, 4), "kernel_size must be odd to lag by whole steps, got 4."),
        (lambda: LowPass(3, 0.2, 0), "kernel_size must be a whole number of at least 1, got 0."),
        (lambda: LowPass(3, 0.0, 5), "cutoff must be above 0 and at most 0.5 cycles per step"),
        (lambda: LowPass(3, 0.6, 5), "got 0.6."),
        (lambda: LowPass(3, math.nan, 5), "got nan."),
        (lambda: LowPass(3, 0.2, 5, beta=-1.0), "beta must be a number of 0 or more, got -1.0."),
        (lambda: LowPass(3, 0.2, 5, stride=0), "stride must be a whole number of at least 1, got 0."),
        (lambda: Decimate(3, 0), "factor must be a whole number of at least 1, got 0."),
        (lambda: Decimate(3, 2, half_width=0), "half_width must be a whole number of at least 1, got 0."),
        (lambda: Interpolate(3, 0), "factor must be a whole number of at least 1, got 0."),
        (lambda: Interpolate(3, 2, beta=math.inf), "beta must be a number of 0 or more, got inf."),
        (lambda: InBlocks(3, 0), "block must be a whole number of at least 1, got 0."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()

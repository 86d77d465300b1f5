"""Resampling: to fewer or more steps by leaving out, repeating or interpolating, with or without low-pass filters.

The instant of a block of steps is its last step, where a causal layer knows it: what leaves steps out keeps
that one, what adds steps puts it there. So adding by a factor and leaving out by it again changes nothing but latency.

Axes: B batch, T time steps, C features, which may be two axes, frequencies and channels, S factor, K taps.
"""

from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..core import SequenceLayer, Size, StepSet, axes, numbers
from ..errors import ConfigError
from ..ops.convolution import convolve, convolve_transposed
from .constants import Constant
from .history import join_steps, keep_last
from .options import finite, number, one_of
from .overlapping import Overlapping
from .sizes import at_least_one, check_size
from .sliding import Sliding

STEEPEST = 500  # of beta: the window's Bessel function overflows from 714 on
LEAST = 1e-12  # of the largest tap: what is smaller is a zero that rounding has missed


class Downsample(Sliding):
    """y[j] = x[S j + S - 1]: the last step of each block, the others are not looked at.

    What is faster than half of the new rate folds back into it (aliasing); ``Decimate`` takes it away first.

    Args:
        input_size: features per step, C.
        factor: steps in for each step out, S.

    Shape:
        x (B, T, C), y (B, T // S, C), state.history (B, phase, C).

    Raises:
        ConfigError: a size is below 1.
    """

    input_size: Size

    def __init__(self, input_size: Size, factor: int) -> None:
        at_least_one(factor=factor)
        super().__init__(input_size, input_size, span=1, stride=factor)

    def slide(self, buffer: Tensor) -> Tensor:
        """Every S-th, in channel-first memory."""
        return buffer.movedim(-1, 1)[:, :, :: self.step].contiguous().movedim(1, -1)


class UpsampleState(NamedTuple):
    """Where the line to the next step begins."""

    previous: Tensor  # (B, 1, C)


class Upsample(SequenceLayer):
    """S steps for each step.

    "repeat": y[S t + r] = x[t].
    "linear": y[S t + r] = x[t - 1] + (r + 1) / S (x[t] - x[t - 1]), with zeros before the beginning: on the straight
    line from the step before to this one, which it meets at the last of its S steps.

    Neither looks ahead, and the line does not lag: the S steps up to an instant come when that instant is known.

    Args:
        input_size: features per step, C.
        factor: steps out for each step in, S.
        mode: "repeat" or "linear".

    Shape:
        x (B, T, C), y (B, S T, C). The state is () or, of lines, state.previous (B, 1, C).

    Raises:
        ConfigError: a size is below 1, or there is no such mode.

    Source:
        ``torch.repeat_interleave`` and ``numpy.interp``. ``torch.nn.Upsample`` draws its line from the middle of a
        block to the middle of the next, which looks ahead.

    >>> y, state = Upsample(1, 2, mode="linear")(torch.tensor([[[2.0], [4.0]]]))
    >>> y.flatten().tolist(), state.previous.item()
    ([1.0, 2.0, 3.0, 4.0], 4.0)
    """

    input_size: Size

    def __init__(self, input_size: Size, factor: int, mode: Literal["repeat", "linear"] = "repeat") -> None:
        super().__init__()
        check_size(input_size=input_size)
        at_least_one(factor=factor)
        one_of("mode", mode, ("repeat", "linear"))
        self.input_size = self.output_size = input_size
        self.factor, self.mode = factor, mode
        self.stride = Fraction(1, factor)
        self.receptive_field = 2 if self._draws_lines else 1

    @property
    def _draws_lines(self) -> bool:
        return self.mode == "linear" and self.factor > 1

    def sees(self, step: int) -> StepSet:
        """The last of each block is this step alone."""
        complete, phase = divmod(step, self.factor)
        return StepSet.between(complete - (self._draws_lines and phase < self.factor - 1), complete)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> UpsampleState | tuple[()]:
        """A line begins at zero."""
        if not self._draws_lines:
            return ()
        return UpsampleState(torch.zeros(batch, 1, *axes(self.input_size), dtype=dtype, device=device))

    def run(
        self, x: Tensor, state: UpsampleState | tuple[()], lengths: Tensor | None
    ) -> tuple[Tensor, UpsampleState | tuple[()]]:
        """In channel-first memory."""
        if not isinstance(state, UpsampleState):
            return x.movedim(-1, 1).repeat_interleave(self.factor, dim=2).movedim(1, -1), state
        seen = join_steps(state.previous, x)
        first = seen.movedim(-1, 1)
        begin, way, end = first[:, :, :-1], first.diff(dim=2), first[:, :, 1:]
        between = [begin + way * (step / self.factor) for step in range(1, self.factor)]
        y = torch.stack([*between, end], dim=3).flatten(2, 3)  # its end is x itself, to the last digit
        return y.movedim(1, -1), UpsampleState(keep_last(seen, 1, lengths))


class LowPass(Sliding):
    """A fixed filter that passes what is slower than ``cutoff``: the windowed sinc, causal, lagging by half its taps.

    y[t] = sum over k of h[k] x[t - k], h[k] = 2 f sinc(2 f (k - (K - 1) / 2)) w[k], w the Kaiser window, and h divided
    by its sum: a constant passes as it is. All features are filtered alike. It learns nothing and holds no parameters.

    Args:
        input_size: features per step, C.
        cutoff: f in cycles per step, above 0 and up to 0.5; there the amplitude is halved.
        kernel_size: taps, K, an odd number: the latency is (K - 1) / 2. The more, the steeper.
        stride: input steps for each output step.
        beta: of the Kaiser window, 0 or more: the larger, the less gets through above the cutoff and the flatter the
            slope. 5 holds it about 54 dB down, 8.6 about 87 dB.

    Shape:
        x (B, T, C), y (B, T // stride, C), state as of ``Conv1d``.

    Raises:
        ConfigError: a size is below 1, K is even, or cutoff or beta are out of range.

    Source:
        Oppenheim & Schafer, Discrete-Time Signal Processing, section 7.5 (filter design by the Kaiser window);
        the numbers are those of ``scipy.signal.firwin``.
    """

    input_size: Size

    def __init__(
        self, input_size: Size, cutoff: float, kernel_size: int, *, stride: int = 1, beta: float = 5.0
    ) -> None:
        at_least_one(kernel_size=kernel_size)
        if kernel_size % 2 == 0:
            raise ConfigError(f"kernel_size must be odd to lag by whole steps, got {kernel_size}.")
        taps = low_pass_taps(cutoff, kernel_size, beta)
        touched = _touched(taps)
        taps = taps[: touched[-1] + 1]  # a tap on a step that does not exist has no effect
        super().__init__(input_size, input_size, len(taps), stride, kernel_size // 2, touched.tolist())
        self.taps = Constant(torch.from_numpy(taps[::-1].copy()))

    def slide(self, buffer: Tensor) -> Tensor:
        """Depthwise: each channel alone, all alike."""
        alone = buffer.movedim(1, -1)
        channels = numbers(self.input_size)
        taps = self.taps.like(buffer).expand(channels, 1, -1)
        y = convolve(alone.flatten(1, -2), taps, stride=self.step, groups=channels)
        return y.view(*alone.shape[:-1], y.shape[-1]).movedim(-1, 1)


class Decimate(LowPass):
    """One step for each S, without aliasing: what the new rate cannot hold is filtered away first.

    Args:
        input_size: features per step, C.
        factor: steps in for each step out, S.
        half_width: steps out on each side that the filter spans; the latency is ``half_width`` S.
        beta: as in ``LowPass``.

    Shape:
        x (B, T, C), y (B, T // S, C).

    Raises:
        ConfigError: a size is below 1, or beta is negative.

    Source:
        ``scipy.signal.resample_poly(x, 1, factor)``, whose filter it is; that one keeps the first step of each block,
        this one the last.
    """

    def __init__(self, input_size: Size, factor: int, *, half_width: int = 10, beta: float = 5.0) -> None:
        at_least_one(factor=factor, half_width=half_width)
        super().__init__(input_size, 0.5 / factor, 2 * half_width * factor + 1, stride=factor, beta=beta)


class Interpolate(Overlapping):
    """S steps for each one, on the smooth curve through them: nothing is added above half of the old rate.

    y[S t + S - 1] = g x[t - half_width]; between them lie sums of the 2 ``half_width`` steps around. The gain g is 1
    within a thousandth where ``half_width`` is at least 4.

    Args:
        input_size: features per step, C.
        factor: steps out for each step in, S.
        half_width: steps in on each side that the filter spans; also the latency.
        beta: as in ``LowPass``.

    Shape:
        x (B, T, C), y (B, S T, C), state.owed (B, steps that later ones change, C).

    Raises:
        ConfigError: a size is below 1, or beta is negative.

    Source:
        ``scipy.signal.resample_poly(x, factor, 1)``, whose filter it is, S - 1 steps later: so that x lies at the last
        step of each block.
    """

    input_size: Size

    def __init__(self, input_size: Size, factor: int, *, half_width: int = 10, beta: float = 5.0) -> None:
        at_least_one(factor=factor, half_width=half_width)
        taps = factor * low_pass_taps(0.5 / factor, 2 * half_width * factor + 1, beta)
        taps = np.concatenate([np.zeros(factor - 1), taps])
        touched = _touched(taps)
        super().__init__(input_size, input_size, int(touched[-1]) + 1, factor)
        self._touches(touched.tolist())
        self.latency = half_width
        self.taps = Constant(torch.from_numpy(taps[: self.span]))

    def spread(self, x: Tensor) -> Tensor:
        """Depthwise: each channel alone, all alike."""
        alone = x.movedim(1, -1)
        channels = numbers(self.input_size)
        taps = self.taps.like(x).expand(channels, 1, -1)
        total = convolve_transposed(alone.flatten(1, -2), taps, stride=self.factor, groups=channels)
        return total.view(*alone.shape[:-1], total.shape[-1]).movedim(-1, 1)


def low_pass_taps(cutoff: float, count: int, beta: float = 5.0) -> np.ndarray:
    """The filter of ``LowPass``, (count,) in float64, which add up to 1.

    Raises:
        ConfigError: cutoff or beta are out of range.

    >>> low_pass_taps(0.25, 3, beta=0.0).round(3).tolist()
    [0.28, 0.44, 0.28]
    """
    finite(cutoff=cutoff)
    number(beta=beta)
    if not 0 < cutoff <= 0.5:
        raise ConfigError(
            f"cutoff must be above 0 and at most 0.5 cycles per step, half of a cycle for each step, got {cutoff}."
        )
    if not 0 <= beta < np.inf:
        raise ConfigError(f"beta must be a number of 0 or more, got {beta}.")
    if beta > STEEPEST:
        raise ConfigError(f"beta must be at most {STEEPEST}, or the window overflows, got {beta}.")
    position = np.arange(count) - (count - 1) / 2
    taps = np.sinc(2 * cutoff * position) * np.kaiser(count, beta)
    taps /= taps.sum()
    # sinc is 0 at whole numbers, but for rounding: a step that ``sees`` excludes must have no weight at all
    return np.where(np.abs(taps) > LEAST * np.abs(taps).max(), taps, 0.0)


def _touched(taps: np.ndarray) -> np.ndarray:
    """Where the taps are not 0."""
    return np.flatnonzero(taps)

"""The short-time Fourier transform and its inverse, both streaming.

Axes: B batch, T time steps (samples, or frames), C channels, N window in samples, S hop in samples, F = N // 2 + 1
frequencies. The last axis of a frame holds the real and the imaginary part of each channel in turn, 2 C numbers.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core import SequenceLayer, Size, axes
from ...errors import ConfigError
from ..constants import Constant
from ..overlapping import Overlapping
from ..sizes import at_least_one
from ..sliding import Sliding

WindowType = str | float | tuple[Any, ...]  # as scipy.signal.get_window names it
LEAST = 1e-10  # of a sum of squared windows that can be divided by, as in scipy.signal.check_NOLA


class STFT(Sliding):
    """The spectrum of the last N samples, each S samples.

    X[j, f] = sum over n of w[n] x[(j + 1) S - N + n] exp(-2 pi i f n / N), with zeros before the beginning. Frame j
    comes with the last sample of block j of S samples, so T samples give T // S frames.

    Args:
        input_size: channels, C, each transformed on its own.
        window: samples that a frame sees, N.
        hop: samples from one frame to the next, S.
        window_type: name of the window, or name and parameters, as ``scipy.signal.get_window`` takes them; periodic.
        latency: samples by which a frame lags. None means N - S, or 0 where S is larger: a frame refers to its first
            block, which only it and those before it see, and ``flush`` gives the frames that the inverse still needs.
            0 is for analysis alone. The numbers are the same.

    Shape:
        x (B, T, C), y (B, T // S, F, 2 C), state.history (B, N - S + phase, C).

    Raises:
        ConfigError: a size is below 1, the latency is not within the window, or there is no such window.

    Source:
        Allen & Rabiner 1977, A unified approach to short-time Fourier analysis and synthesis, Proc. IEEE 65. Phases are
        those of ``torch.stft``: n counts from the beginning of the frame. Frames are neither centred nor scaled.

    >>> y, state = STFT(1, window=8, hop=4)(torch.zeros(2, 21, 1))
    >>> tuple(y.shape), tuple(state.history.shape)
    ((2, 5, 5, 2), (2, 5, 1))
    """

    input_size: int
    output_size: Size

    def __init__(
        self,
        input_size: int,
        window: int,
        hop: int,
        window_type: WindowType = "hann",
        latency: int | None = None,
    ) -> None:
        _check_sizes(input_size=input_size, window=window, hop=hop)
        frames = (window // 2 + 1, 2 * input_size)
        values = window_values(window, window_type)
        weighed = window - 1 - np.flatnonzero(values)  # what is weighed by 0 is not seen
        lag = max(window - hop, 0) if latency is None else latency
        super().__init__(input_size, frames, window, hop, lag, weighed.tolist())
        self.length, self.hop, self.window_type = window, hop, window_type
        self.window = Constant(torch.from_numpy(values))

    def slide(self, buffer: Tensor) -> Tensor:
        """All frames at once."""
        frames = buffer.unfold(1, self.length, self.step)  # (B, T', C, N), a view
        if not len(frames):  # MKL refuses
            return buffer.new_zeros(0, frames.shape[1], *axes(self.output_size))
        frames = frames.to(_wide(buffer.dtype))
        spectrum = torch.fft.rfft(frames * self.window.like(frames))
        return torch.view_as_real(spectrum).permute(0, 1, 3, 2, 4).flatten(3).to(buffer.dtype)

    def tail(self, x: Tensor, count: int) -> Tensor:
        """The window may be longer than the receptive field, so without history it would not be filled."""
        return SequenceLayer.tail(self, x, count)

    def inverse(self) -> "ISTFT":
        """What gives the samples back."""
        return ISTFT(self.input_size, self.length, self.hop, self.window_type)


class ISTFT(Overlapping):
    """Samples whose spectra are nearest to the given ones: weighted overlap and add.

    y[m] = sum over j of w[m - j S] x_j[m - j S] / sum over j of w[m - j S]^2, x_j the inverse transform of frame j. The
    lower sum runs over all j, also those before the first frame, and so repeats itself every S samples.

    After an ``STFT`` of the same window and hop, with ``latency`` N - S, y[t] is x[t - (N - S)] from the first sample
    on, whether or not S divides N. Samples come S at a time: where the chain ends within a block, up to S - 1 of the
    last are not given, so end with zeros until T + N - S is a multiple of S.

    Args:
        output_size: channels, C.
        window, hop, window_type: as in ``STFT``.

    Shape:
        x (B, T, F, 2 C), y (B, T S, C), state.owed (B, N - S, C).

    Raises:
        ConfigError: a size is below 1, there is no such window, or its squares at this hop leave samples out.

    Source:
        Griffin & Lim 1984, Signal estimation from modified short-time Fourier transform, equation 6.

    >>> stft = STFT(1, window=8, hop=4)
    >>> samples = torch.arange(12.0).view(1, 12, 1)
    >>> frames, _ = stft(samples)
    >>> y, _ = stft.inverse()(frames)
    >>> y.flatten().round().tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """

    output_size: Size

    def __init__(self, output_size: int, window: int, hop: int, window_type: WindowType = "hann") -> None:
        _check_sizes(output_size=output_size, window=window, hop=hop)
        values = window_values(window, window_type)
        sums = _summed_squares(values, hop)
        if hop > window or sums.min() < LEAST:
            raise ConfigError(_why_not_invertible(values, hop, window_type))
        super().__init__((window // 2 + 1, 2 * output_size), output_size, window, hop)
        dual = (
            values / sums[np.arange(window) % hop]
        )  # frames begin with blocks, so the sum goes into the window
        self.dual = Constant(torch.from_numpy(dual))
        self._touches(np.flatnonzero(dual).tolist())

    def spread(self, x: Tensor) -> Tensor:
        """Inverse transforms, weighed and added where they overlap."""
        total = (x.shape[1] - 1) * self.factor + self.span
        if not len(x):  # MKL refuses
            return x.new_zeros(0, total, *axes(self.output_size))
        parts = x.to(_wide(x.dtype))
        spectrum = torch.complex(parts[..., 0::2], parts[..., 1::2]).transpose(2, 3)
        frames = torch.fft.irfft(spectrum, self.span) * self.dual.like(parts)  # (B, T, C, N)
        size = [len(x), frames.shape[2], total]
        # what torch.istft adds them up by; F.fold takes 2 to 20 times as long
        summed = torch.ops.aten.unfold_backward(frames.transpose(1, 2), size, 2, self.span, self.factor)
        return summed.transpose(1, 2).to(x.dtype)


def _wide(dtype: torch.dtype) -> torch.dtype:
    """What transforms are made in: torch has none of half precision on the CPU."""
    return torch.promote_types(dtype, torch.float32)


def window_values(length: int, window_type: WindowType) -> np.ndarray:
    """A periodic window (N,) in float64. What rounding alone keeps from 0 is 0.

    Raises:
        ConfigError: SciPy knows no such window, or it is 0 everywhere.
    """
    from scipy.signal import get_window  # takes longer to import than all layers

    try:
        with np.errstate(all="ignore"):  # what is not finite is refused below
            values = np.asarray(get_window(window_type, length), dtype=np.float64)
    except (ValueError, TypeError, LookupError) as error:
        raise ConfigError(
            f"there is no window {window_type!r} ({error}). Name one that scipy.signal.get_window knows, such as "
            "'hann', 'hamming', 'boxcar' or ('kaiser', 8.0)."
        ) from error
    values = np.where(np.abs(values) > 1e-15, values, 0.0)
    if not (np.isfinite(values).all() and values.any()):
        raise ConfigError(
            f"the window {window_type!r} of {length} samples is not made of finite numbers other than 0."
        )
    return values


def _summed_squares(values: np.ndarray, hop: int) -> np.ndarray:
    """What the squares of windows ``hop`` apart add up to, (S,)."""
    missing = -len(values) % hop
    return np.pad(values**2, (0, missing)).reshape(-1, hop).sum(axis=0)


def _why_not_invertible(values: np.ndarray, hop: int, window_type: WindowType) -> str:
    good = [
        step for step in range(1, min(hop, len(values) + 1)) if _summed_squares(values, step).min() >= LEAST
    ]
    advice = f"a hop of at most {max(good)}" if good else "another window"
    return (
        f"windows {window_type!r} of {len(values)} samples, {hop} apart, leave samples that no frame holds, so the "
        f"transform cannot be inverted. Use {advice}."
    )


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if isinstance(size, tuple):
            raise ConfigError(
                f"{name} must be one number, got {size!r}. Samples have channels and no further axis."
            )
    at_least_one(**sizes)

"""Mel bands: frequency bands as people hear them, narrow where they are low and wide where they are high.

Axes: B batch, T frames, F frequencies, C channels, M bands.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...core import SequenceLayer
from ...errors import ConfigError
from ..constants import Constant
from ..options import above_zero, finite, one_of, yes_or_no
from ..sizes import at_least_one, check_size


class MelScale(NamedTuple):
    """A scale of pitch and its inverse."""

    mel: Callable[[np.ndarray], np.ndarray]  # of Hz
    hertz: Callable[[np.ndarray], np.ndarray]  # of mel


KNEE, STEP = (
    15.0,
    np.log(6.4) / 27,
)  # Slaney's: linear up to 1000 Hz, which is 15 of 66.7 Hz, then logarithmic

FORMULAS = {
    "htk": MelScale(lambda f: 2595 * np.log10(1 + f / 700), lambda m: 700 * (10 ** (m / 2595) - 1)),
    "slaney": MelScale(
        lambda f: np.where(f < 1000, 3 * f / 200, KNEE + np.log(np.maximum(f, 1000) / 1000) / STEP),
        lambda m: np.where(m < KNEE, 200 * m / 3, 1000 * np.exp(STEP * np.maximum(m - KNEE, 0))),
    ),
}


class MelFilter(SequenceLayer):
    """Triangular bands over the frequencies of each frame: y[m] = sum over f of W[m, f] x[f].

    M + 2 points lie evenly on the mel scale from ``low`` to ``high``; band m rises from point m to m + 1 and falls to
    m + 2, linearly in Hz, and is 1 at its top.

    Args:
        input_size: (F, C), the output_size of ``Magnitude``.
        bands: how many, M.
        sample_rate: samples a second.
        low, high: ends of the lowest and the highest band in Hz; None is half of the sample rate.
        formula: "htk", m = 2595 log10(1 + f / 700); or "slaney", linear below 1000 Hz (3 f / 200) and logarithmic above
            (15 + 27 ln(f / 1000) / ln 6.4).
        equal_area: whether each band is divided by half its width in Hz, as Slaney has it: all respond to noise alike.
        window: of the ``STFT`` in samples; None is the even one of 2 (F - 1).

    Shape:
        x (B, T, F, C), y (B, T, M, C). The state is ().

    Raises:
        ConfigError: a size is below 1, the ends are not within 0 and half of the sample rate, the formula is unknown,
            or a band is so narrow that no frequency lies within it.

    Source:
        "htk": Young et al., The HTK Book, section 5.4 (its bands are even in mel, ours in Hz, as in most programs).
        "slaney": Slaney 1998, Auditory Toolbox, version 2, function mfcc.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        bands: int,
        sample_rate: float,
        *,
        low: float = 0.0,
        high: float | None = None,
        formula: str = "htk",
        equal_area: bool = False,
        window: int | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(input_size, tuple) or len(input_size) != 2:
            raise ConfigError(f"input_size must be (F, C), frequencies and channels, got {input_size!r}.")
        check_size(input_size=input_size)
        if input_size[0] == 1:
            raise ConfigError(
                "input_size has one frequency, 0 Hz, which lies in no band. Use a longer STFT window."
            )
        above_zero(sample_rate=sample_rate)
        finite(low=low, high=sample_rate / 2 if high is None else high)
        one_of("formula", formula, FORMULAS)
        yes_or_no(equal_area=equal_area)
        window = 2 * (input_size[0] - 1) if window is None else window
        at_least_one(bands=bands, window=window)
        if window // 2 + 1 != input_size[0]:
            raise ConfigError(
                f"a window of {window} samples has {window // 2 + 1} frequencies, not {input_size[0]}."
            )
        high = sample_rate / 2 if high is None else high
        if not 0 <= low < high <= sample_rate / 2:
            raise ConfigError(
                f"bands must lie within 0 and half of the sample rate, {sample_rate / 2:g} Hz, got {low:g} to {high:g}."
            )
        self.input_size, self.output_size = input_size, (bands, input_size[1])
        lowest, highest = FORMULAS[formula].mel(np.array([low, high]))
        points = FORMULAS[formula].hertz(np.linspace(lowest, highest, bands + 2))
        weights = _triangles(np.arange(input_size[0]) * sample_rate / window, points)
        if equal_area:
            weights = weights * (2 / (points[2:] - points[:-2]))[:, None]
        self.weights = Constant(torch.from_numpy(weights))

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """One product with the weights (M, F)."""
        return self.weights.like(x) @ x, ()


def _triangles(frequencies: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Weights (M, F) of frequencies (F,) for M + 2 points, all in Hz."""
    left, top, right = points[:-2, None], points[1:-1, None], points[2:, None]
    weights = np.minimum((frequencies - left) / (top - left), (right - frequencies) / (right - top)).clip(0)
    empty = np.flatnonzero(~weights.any(axis=1))
    if len(empty):
        band = empty[0]
        raise ConfigError(
            f"no frequency lies within band {band}, {points[band]:.1f} to {points[band + 2]:.1f} Hz: they are "
            f"{frequencies[1]:.1f} Hz apart. Use fewer than {len(weights)} bands, or a longer window."
        )
    return weights

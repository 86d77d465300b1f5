"""Raw columns of a table in float64, calendar features, and the conversion to the network's dtype.

Axes: B batch, T time steps, I columns in, C columns out.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...core import SequenceLayer
from ...errors import ConfigError, ShapeError, shortened
from ..options import above_zero, finite, yes_or_no
from ..sizes import at_least_one, sequence, whole_numbers

HOUR, DAY, WEEK = 3600.0, 86_400.0, 604_800.0
YEAR = 365.2425 * DAY
FIRST_MONDAY = 4 * DAY  # 1970-01-05, after the epoch's Thursday
PERIODS = {"minute": HOUR, "hour": DAY, "weekday": WEEK, "yearday": YEAR}


class Raw(SequenceLayer):
    """A layer on raw columns, which are float64 whatever the dtype of the network: float32 cannot hold times."""

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """As it came in."""
        return torch.float64

    def _check_input(self, x: Tensor) -> None:
        super()._check_input(x)
        if x.dtype != torch.float64 and x.numel():
            raise ShapeError(
                f"raw columns must be float64, got {x.dtype}: float32 cannot hold times. Pass x.double()."
            )


class Columns(Raw):
    """Some columns of the input, or the logarithms of them.

    Args:
        input_size: columns in, I.
        columns: which of them, in order; C.
        log: whether logarithms are taken. A column that can be 0 needs ``floor``.
        floor: what is the least that a logarithm is taken of.

    Shape:
        x (B, T, I) float64, y (B, T, C) float64. The state is ().

    Raises:
        ConfigError: there is no such column, or none is named.
    """

    def __init__(
        self, input_size: int, columns: Sequence[int], log: bool = False, floor: float = 1e-300
    ) -> None:
        super().__init__()
        at_least_one(input_size=input_size, columns=len(whole_numbers("columns", columns)))
        yes_or_no(log=log)
        above_zero(floor=floor)
        wrong = next((column for column in columns if not 0 <= column < input_size), None)
        if wrong is not None:
            raise ConfigError(f"columns must lie within 0 and {input_size - 1}, got {wrong}.")
        self.input_size, self.output_size = input_size, len(columns)
        self.columns, self.log, self.floor = tuple(columns), log, floor

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Pick. Padding is 0, whose logarithm would poison gradients even where it is not used."""
        y = x[..., list(self.columns)]
        return (
            torch.where(y > self.floor, y, self.floor if self.floor > 1e-300 else 1.0).log()
            if self.log
            else y
        ), ()


class Calendar(Raw):
    """Where in the hour, the day, the week or the year a step lies, as sine and cosine.

    Args:
        input_size: columns in, I; the first is the time in seconds since ``origin``.
        parts: of "minute" (of the hour), "hour" (of the day), "weekday", "yearday".
        origin: seconds since the Unix epoch. UTC throughout.

    Shape:
        x (B, T, I) float64, y (B, T, 2 * len(parts)) float64. The state is ().

    Raises:
        ConfigError: a part is unknown, or none is named.
    """

    def __init__(self, input_size: int, parts: Sequence[str], origin: float = 0.0) -> None:
        super().__init__()
        at_least_one(input_size=input_size, parts=len(sequence("parts", parts, "names")))
        finite(origin=origin)
        wrong = [part for part in parts if not isinstance(part, str) or part not in PERIODS]
        if wrong:
            raise ConfigError(f"a calendar has no part {shortened(wrong[0])}. Parts: {', '.join(PERIODS)}.")
        self.input_size, self.output_size = input_size, 2 * len(parts)
        self.parts, self.origin = tuple(parts), origin
        self.periods, self.offset = [PERIODS[part] for part in parts], origin - FIRST_MONDAY

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Angles on the circle of each part."""
        time = x[..., 0] + self.offset
        angles = [2 * math.pi * (time.remainder(period) / period) for period in self.periods]
        return torch.stack([wave for angle in angles for wave in (angle.sin(), angle.cos())], dim=-1), ()


class ToNetwork(Raw):
    """The same numbers in the dtype of the network, which is what ``.float()`` and ``.double()`` set.

    Shape:
        x (B, T, C) float64, y (B, T, C). The state is ().
    """

    anchor: Tensor

    def __init__(self, input_size: int) -> None:
        super().__init__()
        at_least_one(input_size=input_size)
        self.input_size = self.output_size = input_size
        self.register_buffer("anchor", torch.empty(0), persistent=False)  # follows .to()

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """The network's."""
        return self.anchor.dtype

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Cast."""
        return x.to(self.anchor.dtype), ()

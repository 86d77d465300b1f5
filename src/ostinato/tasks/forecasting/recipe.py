"""How trades become what a model reads and what it is asked: everything in a run's ``data`` section.

Axes: N rows.
"""

import hashlib
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from torch import Tensor

from ...data.splits import Split, check_fractions, chronological_split
from ...data.trades import Trades
from ...errors import ConfigError
from ...models.registry import explain

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
# far beyond every calendar; a time that is no time would make every waiting time infinite
Seconds = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
# the work of every step grows with the window
FeatureWindow = Annotated[int, Field(ge=2, le=10_000)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Recipe(BaseModel):
    """The data section of a run's config.

    target: what is foreseen. "direction": whether the price of the trade after next ``horizon`` - 1 is strictly
        higher than this one's; flat counts as not up.
    origin: seconds since the Unix epoch that the model's times count from.
    fractions: of train, validation and test.
    feature_windows: in trades, of ``layers.TradeFeatures``.
    rows, digest: of the data the run was fitted on, to know them again.
    fitted_from, fitted_until: seconds since the Unix epoch of the first and the last trade that fitting and validation
        looked at. None in runs from before there was such a field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: str = ""
    target: Literal["direction"] = "direction"
    horizon: Literal[1] = 1
    origin: Seconds = 0.0
    fractions: tuple[Share, Share, Share] = (0.7, 0.1, 0.2)
    feature_windows: tuple[FeatureWindow, ...] = Field((8, 32, 128, 512), max_length=16)
    rows: int = Field(default=0, ge=0)
    digest: Digest | None = None
    fitted_from: Seconds | None = None
    fitted_until: Seconds | None = None
    prefix: Digest | None = Field(default=None, exclude=True)  # in older runs; nothing reads it

    @field_validator("fractions", "feature_windows", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value  # JSON has no tuples

    @field_validator("fractions")
    @classmethod
    def _fractions_are_a_whole(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        check_fractions(value)
        return value

    def of(self, trades: Trades) -> "Recipe":
        """The same recipe for these trades.

        Raises:
            DataError: they are too few to be split.
        """
        last = self.split(len(trades)).test.start - 1  # the label of the last validation row looks at it
        return self.model_copy(
            update={
                "source": trades.report.source,
                "origin": float(np.floor(trades.time[0])),
                "rows": len(trades),
                "digest": digest(trades),
                "fitted_from": float(trades.time[0]),
                "fitted_until": float(trades.time[last]),
            }
        )

    def raw(self, trades: Trades) -> Tensor:
        """What a model reads: (N, 3) float64, seconds since the origin, price, amount."""
        return torch.from_numpy(np.stack([trades.time - self.origin, trades.price, trades.amount], axis=1))

    def split(self, rows: int) -> Split:
        """Train, validation and test, purged by the horizon."""
        return chronological_split(rows, self.fractions, purge=self.horizon)

    def begins(self, trades: Trades) -> bool:
        """Whether these trades begin with all those of the run, however many came later."""
        return len(trades) >= self.rows > 0 and digest(trades, self.rows) == self.digest

    def used(self, trades: Trades) -> int:
        """How many of the first rows lie within or before the time that the run was fitted on; 0 if none is within."""
        if self.fitted_from is None or self.fitted_until is None:
            return 0
        first = int(np.searchsorted(trades.time, self.fitted_from, side="left"))
        after = int(np.searchsorted(trades.time, self.fitted_until, side="right"))
        return after if after > first else 0


def recipe_from(options: dict[str, object]) -> Recipe:
    """The validated recipe.

    Raises:
        ConfigError: a field is unknown or out of range.
    """
    try:
        return Recipe.model_validate(options)
    except ValidationError as error:
        raise ConfigError(explain(error, "data", list(Recipe.model_fields))) from None


def digest(trades: Trades, rows: int | None = None) -> str:
    """SHA-256 of the first ``rows`` trades."""
    found = hashlib.sha256()
    for column in (trades.time, trades.price, trades.amount):
        found.update(np.ascontiguousarray(column[:rows], dtype="<f8").tobytes())
    return found.hexdigest()

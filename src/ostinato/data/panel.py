"""``Panel``: one or more series of trades, bars or table rows, from which forecasts are made.

Axes: N rows, C columns, S series.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..errors import DataError, did_you_mean
from .calendar import Holidays
from .layout import Kind, Layout


class ReadingReport(Protocol):
    """Report on what was read and inferred."""

    @property
    def source(self) -> str:
        """Name of the file or the table."""

    def lines(self) -> list[str]:
        """Lines of plain text for the user."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One or more series of rows, laid end to end, each in the order of time.

    Args:
        kind: what a row is: a trade, a bar, or a row of a table.
        time: (N,) float64, seconds since the Unix epoch; of a bar, when it opened.
        values: column name to (N,) float64, all finite; where a row was not observed, the values before it.
        report: what was read and what was guessed.
        starts: (S,) int64, the row with which each series begins, the first of them 0.
        ids: the names of the series, (S,); one series may have the name "".
        observed: (N,) bool, False for a step that is missing in the source and for rows of the future, which only
            tell what is known in advance; None: every row was observed.
        step: seconds from row to row where they are regular; None for events (trades, bars by trades or volume) and
            for calendar months.
        season: rows after which the series is likely to look alike (24 for hours, 7 for days); None if there is no
            such number.
        targets: columns of a table to forecast.
        known: columns that are known in advance.
        row_ids: (N,) int64 or str, what the source calls each row, such as an exchange's trade ids; or None.
        holidays: what tells the column ``holiday`` beyond the last rows, where there is one; None: nothing does.
        bars: how bars were made or how far apart they are: "1m", "100t", "10v"; "" for other kinds.
        layout: what was decided about the source while it was read; None: it was not read.

    Columns of trades are price and amount; those of bars open, high, low, close and volume.
    """

    kind: Kind
    time: np.ndarray
    values: dict[str, np.ndarray]
    report: ReadingReport
    starts: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))
    ids: tuple[str, ...] = ("",)
    observed: np.ndarray | None = None
    step: float | None = None
    season: int | None = None
    targets: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    bars: str = ""
    row_ids: np.ndarray | None = None
    holidays: Holidays | None = None
    layout: Layout | None = None

    def __len__(self) -> int:
        return len(self.time)

    @property
    def stops(self) -> np.ndarray:
        """The row after the last one of each series, (S,)."""
        return np.append(self.starts[1:], len(self))

    @property
    def ends(self) -> np.ndarray:
        """The row after the last one of each series that was observed, (S,): from there on they are of the future."""
        if self.observed is None:
            return self.stops
        number = np.where(self.observed, np.arange(1, len(self) + 1), 0)
        return np.maximum(np.maximum.reduceat(number, self.starts), self.starts)

    @property
    def row_stops(self) -> np.ndarray:
        """The row after the last one of the series that each row belongs to, (N,)."""
        return np.repeat(self.stops, self.stops - self.starts)

    @property
    def series(self) -> np.ndarray:
        """The number of the series that each row belongs to, (N,)."""
        return np.repeat(np.arange(len(self.starts)), self.stops - self.starts)

    @property
    def price(self) -> np.ndarray:
        """The price of a trade, or the price that a bar closed with, (N,).

        Raises:
            DataError: this is a table without prices.
        """
        for name in ("price", "close"):
            if name in self.values:
                return self.values[name]
        raise DataError(
            f"{self.report.source} has no price. Name the column to forecast with --target COLUMN."
        )

    def column(self, name: str) -> np.ndarray:
        """One column, (N,).

        Raises:
            DataError: there is none of that name.
        """
        if name not in self.values:
            raise DataError(
                f"{self.report.source} has no column {name!r}.{did_you_mean(name, self.values)} "
                f"It has {', '.join(map(repr, self.values))}."
            )
        return self.values[name]

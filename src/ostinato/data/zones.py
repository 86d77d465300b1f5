"""Time zones: what the clock on the wall shows, and which instant that is.

Twice a year a clock in most of Europe and America is changed. In spring an hour does not exist; in autumn one
happens twice, and only the order of the rows tells the first from the second.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..errors import ConfigError, DataError, did_you_mean
from .table import Column

MICROSECONDS = 1_000_000
LAST_SECOND = 253_402_300_799  # of the year 9999


@dataclass(frozen=True, eq=False)
class Clock:
    """The clock that a source's times without a zone were read from.

    Args:
        zone: a name of the IANA database, such as Europe/Berlin.
        series: (N,) the number of the series of each row; None: there is one.
        distinct: within a series no time happens twice, so of two equal ones the second is an hour later.
    """

    zone: str
    series: np.ndarray | None = None
    distinct: bool = True

    def __post_init__(self) -> None:
        try:
            localized(np.zeros(1), self.zone, "earliest")
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            from zoneinfo import available_timezones

            near = did_you_mean(self.zone, available_timezones())
            raise ConfigError(
                f"there is no time zone {self.zone!r}.{near} Give one like Europe/Berlin, or UTC."
            ) from None

    def note(self) -> str:
        """What to tell the reader."""
        return f"times without a zone were taken as those of {self.zone}"

    def wall(self, seconds: np.ndarray) -> np.ndarray:
        """What this clock shows at times in UTC, (N,), both in seconds."""
        stamps = as_stamps(seconds).dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)
        return as_seconds(stamps.dt.replace_time_zone(None))

    def utc(self, column: Column, wall: np.ndarray) -> np.ndarray:
        """The instants at which this clock showed the times, (N,), both in seconds; NaN stays.

        Args:
            column: where the times come from, for messages.

        Raises:
            DataError: the clock never showed one of them.
        """
        early, late = (localized(wall, self.zone, which) for which in ("earliest", "latest"))
        known = np.isfinite(wall) & (np.abs(wall) <= LAST_SECOND)
        never = known & ~np.isfinite(early)
        if never.any():
            raise DataError(
                f"{column.at(int(never.argmax()))}, which no clock in {self.zone} ever showed: there the hour is "
                "left out in spring. Is the zone right (--time-zone, in Python time_zone=)? UTC has no such hours."
            )
        twice = np.flatnonzero(known & (early != late))
        second = twice[self._second(wall, twice)]
        early[second] = late[second]
        return np.where(known, early, wall)

    def _second(self, wall: np.ndarray, twice: np.ndarray) -> np.ndarray:
        """Which of the rows that may be either happened after the clock was put back, by the order of rows."""
        series = np.zeros(len(wall), np.int64) if self.series is None else self.series
        changes = np.diff(wall[np.argsort(series, kind="stable")])
        forward = (changes > 0).sum() >= (changes < 0).sum()
        second = np.zeros(len(twice), bool)
        highest: dict[tuple[int, int], float] = {}  # by series and day, since the clock showed the hour first
        for index in range(len(twice)) if forward else range(len(twice) - 1, -1, -1):
            time = float(wall[twice[index]])
            key = (int(series[twice[index]]), int(time // 86_400))
            before = highest.get(key, -np.inf)
            second[index] = before == np.inf or time < before or (self.distinct and time == before)
            highest[key] = np.inf if second[index] else time
        return second


def localized(wall: np.ndarray, zone: str, ambiguous: str) -> np.ndarray:
    """Times of a zone's clock as seconds in UTC, (N,); NaN where there is no such time."""
    stamps = as_stamps(wall).dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null")  # type: ignore[arg-type]
    return as_seconds(stamps)


def as_stamps(seconds: np.ndarray) -> pl.Series:
    """Seconds as datetimes without a zone; null for what no calendar has."""
    known = np.isfinite(seconds) & (np.abs(seconds) <= LAST_SECOND)
    ticks = np.rint(np.where(known, seconds, 0.0) * MICROSECONDS).astype(np.int64)
    return pl.Series(ticks).cast(pl.Datetime("us")).set(pl.Series(~known), None)


def as_seconds(stamps: pl.Series) -> np.ndarray:
    """Datetimes as seconds since the epoch, (N,); NaN for null."""
    ticks = stamps.dt.epoch("us").cast(pl.Float64).fill_null(np.nan)
    return ticks.to_numpy(writable=True) / MICROSECONDS

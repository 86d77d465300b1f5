"""Reports on what a file holds, and on what was inferred while reading it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LONG_GAP_SECONDS = 600.0
SHOWN_NAMES = 20


@dataclass(frozen=True)
class TradesReport:
    """A summary of trades. Times and spans are in seconds, times since the Unix epoch.

    ``repeated_times`` counts trades at the same time as the trade before. ``largest_gap_at`` is the time
    of the trade before the largest gap. ``long_gaps`` counts gaps above 10 minutes. ``columns`` maps a
    role to the name of its column. ``notes`` are sentences, one for everything that was guessed or is odd.
    """

    source: str
    rows: int
    first_time: float
    last_time: float
    span_seconds: float
    columns: Mapping[str, str]
    time_unit: str
    reversed: bool
    repeated_times: int
    largest_gap_seconds: float
    largest_gap_at: float
    long_gaps: int
    price_min: float
    price_max: float
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The report for a person to read, as plain text."""
        columns = ", ".join(r if r == name else f"{r} from {name!r}" for r, name in self.columns.items())
        lines = [
            f"read {counted(self.rows, 'trade')} from {self.source}",
            f"from {utc(self.first_time)} to {utc(self.last_time)} UTC, {duration(self.span_seconds)}",
            f"columns: {columns} (times: {self.time_unit})",
            f"prices from {self.price_min:,.10g} to {self.price_max:,.10g}",
        ]
        return lines + self._gaps() + [f"note: {note}" for note in self.notes]

    def _gaps(self) -> list[str]:
        if self.rows == 1:
            return []
        return [
            f"{counted(self.repeated_times, 'trade')} at the same time as the trade before",
            f"{counted(self.long_gaps, 'gap')} above {duration(LONG_GAP_SECONDS)}; "
            f"the largest is {duration(self.largest_gap_seconds)}, after {utc(self.largest_gap_at)}",
        ]


@dataclass(frozen=True)
class TableReport:
    """A summary of bars or of the rows of a table, one series or several. Times are in seconds since the Unix epoch.

    ``thing`` is what a row is: "bar" or "row". ``step`` says in words how far it is from row to row, "" where that
    differs. ``rows`` counts all steps, ``missing`` those that were not observed, the ``future`` ones included.
    ``values`` are the lowest and the highest value of each column to look at first, by its name. ``covariates`` and
    ``known`` are names of columns. ``made``: the rows are bars that were made, they are not those of the source.
    """

    source: str
    thing: str
    rows: int
    series: int
    first_time: float
    last_time: float
    columns: Mapping[str, str]
    step: str
    missing: int
    values: Mapping[str, tuple[float, float]]
    notes: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    future: int = 0
    made: bool = False

    @property
    def filled(self) -> int:
        """Steps of a series for which the source has no row, or one without values."""
        return self.missing - self.future

    def lines(self) -> list[str]:
        """The report for a person to read, as plain text."""
        columns = ", ".join(r if r == name else f"{r} from {name!r}" for r, name in self.columns.items())
        every = f", one every {self.step.removeprefix('1 ')}" if self.step else ""
        series = "" if self.series == 1 else f" of {self.series:,} series"
        kinds = {"covariates": self.covariates, "known in advance": self.known}
        others = "".join(f"; {words} {some(names)}" for words, names in kinds.items() if names)
        head = f"made {counted(self.rows, self.thing)}"
        if not self.made:
            head = f"read {counted(self.rows - self.filled, self.thing)}"
        lines = [
            f"{head}{series} from {self.source}{every}",
            f"from {utc(self.first_time)} to {utc(self.last_time)} UTC, "
            f"{duration(self.last_time - self.first_time)}",
            f"columns: {columns}{others}",
        ]
        lines += [f"{name} from {low:,.10g} to {high:,.10g}" for name, (low, high) in self.values.items()]
        return lines + self._missing() + [f"note: {note}" for note in self.notes]

    def _missing(self) -> list[str]:
        lines = []
        if self.filled and self.made:
            lines.append(f"{counted(self.filled, self.thing)} not observed")
        elif self.filled:
            lines.append(
                f"filled {counted(self.filled, self.thing)} more, for steps without values in the source: "
                f"{counted(self.rows, self.thing)} in all, {self.filled:,} of them not observed"
            )
        if self.future:
            lines.append(f"{counted(self.future, self.thing)} of the future")
        return lines


def describe(
    source: str,
    time: np.ndarray,
    price: np.ndarray,
    columns: Mapping[str, str],
    time_unit: str,
    is_reversed: bool,
    notes: Sequence[str],
) -> TradesReport:
    """Summarise sorted trades: time (N,) in seconds and price (N,), N at least 1."""
    gaps = np.diff(time) if len(time) > 1 else np.zeros(1)  # gaps[i] lies after trade i
    largest = int(gaps.argmax())
    still = (
        ["the price never moves: there is nothing to forecast"]
        if len(price) > 1 and price.min() == price.max()
        else []
    )
    return TradesReport(
        source=source,
        rows=len(time),
        first_time=float(time[0]),
        last_time=float(time[-1]),
        span_seconds=float(time[-1] - time[0]),
        columns=dict(columns),
        time_unit=time_unit,
        reversed=is_reversed,
        repeated_times=int((time[1:] == time[:-1]).sum()),
        largest_gap_seconds=float(gaps[largest]),
        largest_gap_at=float(time[largest]),
        long_gaps=int((gaps > LONG_GAP_SECONDS).sum()),
        price_min=float(price.min()),
        price_max=float(price.max()),
        notes=(*notes, *still),
    )


def counted(number: int, thing: str) -> str:
    """1 trade, 2 trades."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def some(names: Sequence[str]) -> str:
    """Names of columns, quoted; of many the first."""
    more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(repr(name) for name in names[:SHOWN_NAMES]) + more


def future_rows(observed: np.ndarray | None, starts: np.ndarray) -> int:
    """How many rows at the ends of series were not observed; observed (N,), starts (S,)."""
    if observed is None:
        return 0
    stops = np.append(starts[1:], len(observed))
    last = np.maximum.reduceat(np.where(observed, np.arange(1, len(observed) + 1), 0), starts)
    return int((stops - np.maximum(last, starts)).sum())


def too_few(number: int, thing: str) -> str:
    """1 trade is too few, 2 trades are too few."""
    return f"{counted(number, thing)} {'is' if number == 1 else 'are'} too few"


def utc(seconds: float) -> str:
    """2018-08-13 03:36:35, with a fraction only where there is one."""
    stamp = np.datetime64(round(seconds * 1e6), "us")
    text = str(stamp).replace("T", " ")
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: float) -> str:
    """A span in the largest unit that it fills."""
    for unit, length in (("day", 86_400), ("hour", 3_600)):
        if seconds >= length:
            number = f"{seconds / length:,.3g}" if seconds < 1000 * length else f"{seconds / length:,.0f}"
            return f"{number} {unit}" if number == "1" else f"{number} {unit}s"
    return f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.3g} s"

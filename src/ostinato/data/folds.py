"""Train, validation and test rows of a panel, once or walking forward.

Axes: N rows, S series.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from ..errors import ConfigError, DataError
from .panel import Panel
from .report import counted, some
from .splits import check_fractions

Window = Literal["expanding", "rolling"]
Bound = int | str


@dataclass(frozen=True, eq=False)
class Fold:
    """The rows of one fit, as numbers of rows, ascending.

    train, validation: rows whose labels end within the part.
    test: the rows to be judged; those at the end of a series have no label. Where data go on after the test part, rows
        whose labels would lie there are not in it.
    used: rows that fitting and validation looked at, their labels included.

    Rows of the future, after the last one of a series that was observed, are in no part.
    number, count, window: which fold of which walk it is, from 0.
    train_part: the train rows with those at the end of the part that have no label within it: all values that training
        may know, which errors are scaled by. None: train.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    used: np.ndarray
    number: int = 0
    count: int = 1
    window: Window = "expanding"
    train_part: np.ndarray | None = None

    @property
    def scaled_by(self) -> np.ndarray:
        """The rows whose values say how large errors are."""
        return self.train if self.train_part is None else self.train_part


def folds_of(
    panel: Panel,
    purge: int,
    fractions: tuple[float, float, float] = (0.7, 0.1, 0.2),
    bounds: tuple[Bound, Bound, Bound] | None = None,
    count: int = 1,
    window: Window = "expanding",
) -> list[Fold]:
    """Cut a panel in the order of time: all its series at the same moments, so that none tells another's future.

    Args:
        purge: rows by which a label looks ahead; so many are left out at the end of train, of validation, and of a
            test part that ends before the data do.
        fractions: of train, validation and test rows; each above 0, together 1.
        bounds: where train, validation and test end instead: numbers of rows (of a single series), or times in
            ISO 8601.
        count: folds. The test part is cut into so many blocks; each is judged by a model that was fitted on what came
            before it.
        window: "expanding" trains on all that came before, "rolling" on as many rows as the first fold has.

    Raises:
        ConfigError: fractions, bounds or count say something that cannot be.
        DataError: a part would have no labelled row.

    Source:
        The purge is that of López de Prado 2018, Advances in Financial Machine Learning, section 7.4.1; the walk is
        the rolling-origin evaluation of Tashman 2000, International Journal of Forecasting 16, 437-450.
    """
    if count < 1:
        raise ConfigError(f"folds must be at least 1, got {count}.")
    rows = int((panel.ends - panel.starts).sum())
    cuts = _fractional(rows, fractions) if bounds is None else _bounded(panel, rows, bounds)
    first, begin, end = cuts
    edges = [begin + (end - begin) * fold // count for fold in range(count + 1)]
    length = begin - first  # of validation
    folds = []
    for fold in range(count):
        start, stop = edges[fold], edges[fold + 1]
        oldest = 0 if window == "expanding" else start - begin
        made = _fold(panel, purge, oldest, start - length, start, stop, end)
        folds.append(replace(made, number=fold, count=count, window=window))
    _check_lengths(folds, purge, panel, rows, ends_early=end < rows)
    return folds


def absent_series(panel: Panel, fold: Fold) -> list[str]:
    """Notes on series that have no observed row in a part, as all are cut at the same moments."""
    notes = []
    seen = np.ones(len(panel), bool) if panel.observed is None else panel.observed
    for part, follows in (
        ("train", "nothing is learned from them"),
        ("validation", "they have no say in when training stops"),
        ("test", "they are not judged"),
    ):
        rows = getattr(fold, part)
        absent = np.setdiff1d(np.arange(len(panel.ids)), panel.series[rows[seen[rows]]])
        if len(absent):
            names = some([panel.ids[number] for number in absent])
            notes.append(
                f"{len(absent):,} of {len(panel.ids):,} series without a {part} row: {names}; {follows}"
            )
    return notes


def _fractional(rows: int, fractions: tuple[float, float, float]) -> tuple[int, int, int]:
    check_fractions(fractions)
    return round(rows * fractions[0]), round(rows * (fractions[0] + fractions[1])), rows


def _bounded(panel: Panel, rows: int, bounds: tuple[Bound, Bound, Bound]) -> tuple[int, int, int]:
    ends = tuple(_rows_until(panel, bound) for bound in bounds)
    if not 0 < ends[0] < ends[1] < ends[2] <= rows:
        raise ConfigError(
            f"bounds must be three ascending ends of train, validation and test within {_of_rows(panel, rows)}, got "
            f"{', '.join(map(str, bounds))}, which are rows {', '.join(f'{row:,}' for row in ends)}."
        )
    return ends  # type: ignore[return-value]


def _rows_until(panel: Panel, bound: Bound) -> int:
    """How many rows of the panel lie before a bound."""
    if isinstance(bound, int):
        if len(panel.starts) > 1:
            raise ConfigError(
                "bounds of several series must be times, such as 2017-06-26; their rows differ."
            )
        return bound
    try:
        moment = datetime.fromisoformat(bound)
    except ValueError:
        raise ConfigError(
            f"bound {bound!r} is neither a number of rows nor a time like 2017-06-26T00:00."
        ) from None
    seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    return sum(int((time < seconds).sum()) for time in _times(panel))


def _fold(panel: Panel, purge: int, oldest: int, first: int, second: int, third: int, last: int) -> Fold:
    """Train, validation and test end at first, second and third, and labels of the test part at last."""
    edges = [_rows_before(panel, row) for row in (oldest, first, second, third)]  # each (S,)
    purged = [np.maximum(edges[part] - purge, edges[part - 1]) for part in (1, 2)]
    end = _rows_before(panel, last)
    labelled = np.where(end < panel.ends, np.maximum(end - purge, edges[2]), end)
    return Fold(
        train=_ranges(edges[0], purged[0]),
        validation=_ranges(edges[1], purged[1]),
        test=_ranges(edges[2], np.minimum(edges[3], labelled)),
        used=_ranges(edges[0], edges[2]),
        train_part=_ranges(edges[0], edges[1]),
    )


def _rows_before(panel: Panel, count: int) -> np.ndarray:
    """Where each series is cut, all at one time, so that ``count`` rows of the panel lie before. (S,)"""
    times = _times(panel)
    if len(times) == 1:  # by number: several trades may happen at one moment
        return np.array([count])
    together = np.concatenate(times)
    if count >= len(together):
        return panel.ends
    moment = np.partition(together, count)[count]
    return panel.starts + [np.searchsorted(time, moment) for time in times]


def _times(panel: Panel) -> list[np.ndarray]:
    """Of the rows of each series up to the last observed one."""
    return [panel.time[start:end] for start, end in zip(panel.starts, panel.ends, strict=True)]


def _ranges(starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """The numbers from each start to its stop, one range after the other."""
    pieces = [np.arange(start, stop) for start, stop in zip(starts, stops, strict=True)]
    return np.concatenate(pieces).astype(np.int64)


def _check_lengths(folds: Sequence[Fold], purge: int, panel: Panel, rows: int, ends_early: bool) -> None:
    for fold in folds:
        cut = ends_early and fold.number == fold.count - 1  # its rows without a label are left out already
        for name, part in (("train", fold.train), ("validation", fold.validation), ("test", fold.test)):
            if len(part) <= (purge if name == "test" and not cut else 0):
                of = f" of one of {len(folds)} folds" if len(folds) > 1 else ""
                few = f"{_of_rows(panel, rows)} {'is' if rows == 1 else 'are'} too few"
                raise DataError(
                    f"{few}: the {name} part{of} has {counted(len(part), 'row')} left where labels look "
                    f"{purge:,} ahead. Bring more data, look less far ahead, or ask for fewer folds."
                )


def _of_rows(panel: Panel, rows: int) -> str:
    """How many rows there are to cut, and which do not count: 90 rows (5 of them missing in the source, ...)."""
    notes = []
    future = len(panel) - rows
    missing = 0 if panel.observed is None else int((~panel.observed).sum()) - future
    if missing:
        notes.append(f"{missing:,} of them missing in the source")
    if future:
        notes.append(f"not counting {future:,} of the future")
    return counted(rows, "row") + (f" ({', '.join(notes)})" if notes else "")

"""Longer bars from shorter ones.

Axes: N shorter bars, M longer ones, S series.
"""

from dataclasses import replace

import numpy as np

from ..errors import ConfigError, DataError
from .bars import COLUMNS, EDGE, BarSize, bars_report, few, grouped, parse_bars
from .calendar import Holidays
from .grid import Step, season_of
from .panel import Panel
from .report import TableReport, counted, duration


def coarser(panel: Panel, bars: str) -> Panel:
    """Bars of a longer time from bars, each series for itself.

    Args:
        panel: regular bars.
        bars: a size by time that is a multiple of theirs.

    A bar is not observed where none of its parts was. The last one is left out where its end is not there.

    Raises:
        ConfigError: bars by trades or volume, which bars cannot tell, or no multiple.
        DataError: the bars are not regular, or do not fill two longer ones.
    """
    size = parse_bars(bars)
    check_multiple(panel, size)
    if size.size == panel.step:
        return panel
    pieces = [joined(panel, slice(a, b), size) for a, b in zip(panel.starts, panel.stops, strict=True)]
    lengths = np.array([len(time) for time, _, _, _ in pieces])
    starts = np.append(0, np.cumsum(lengths)[:-1]).astype(np.int64)
    time = np.concatenate([piece[0] for piece in pieces])
    values = {name: np.concatenate([piece[1][name] for piece in pieces]) for name in panel.values}
    seen = np.concatenate([piece[2] for piece in pieces])
    observed = None if seen.all() else seen
    notes = dict.fromkeys(note for *_, own_notes in pieces for note in own_notes)
    return replace(
        panel,
        time=time,
        values=values,
        report=report_of(panel, size, time, values, observed, starts, list(notes)),
        starts=starts,
        observed=observed,
        step=size.size,
        season=season_of(size.size),
        bars=size.text,
        holidays=onward(panel, time[np.cumsum(lengths) - 1], size),
    )


def onward(panel: Panel, time: np.ndarray, size: BarSize) -> Holidays | None:
    """What tells holidays after the last of the longer bars, which opened at ``time`` (S,)."""
    if panel.holidays is None:
        return None
    wall = time + panel.holidays.wall - panel.holidays.time
    return replace(panel.holidays, step=Step(size.size, None, ""), time=time, wall=wall)


def without_the_unfinished(
    columns: dict[str, np.ndarray], seen: np.ndarray, firsts: np.ndarray, known: tuple[str, ...]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A series (N,) whose last rows are of the future, and with them the rows of the longer bar that is not over.

    Args:
        columns: shorter bars; ``seen`` (N,) which were observed; ``known``: columns that are known in advance.
        firsts: the first row of each longer bar.
    """
    future = int(np.flatnonzero(seen).max(initial=-1)) + 1
    first = int(firsts[np.searchsorted(firsts, min(future, len(seen) - 1), side="right") - 1])
    if future == len(seen) or first == 0:
        return columns, seen
    flat = {name: array if name in known else array.copy() for name, array in columns.items()}
    for name in flat.keys() - set(known):
        flat[name][first:] = columns["close" if name in COLUMNS[:4] else name][first - 1]
    flat["volume"][first:] = 0.0
    return flat, seen & (np.arange(len(seen)) < first)


def check_multiple(panel: Panel, size: BarSize) -> None:
    """Refuse sizes that bars cannot be joined to; see ``coarser``."""
    source = panel.report.source
    if size.kind != "time":
        raise ConfigError(
            f"{source} holds bars; {size.text} can only be made from trades. Give --bars a time, like 1d."
        )
    if panel.step is None:
        raise DataError(
            f"the bars of {source} are not at regular times, so they cannot be joined to {size.text}. "
            "Leave --bars out."
        )
    if size.size % panel.step:
        step = duration(panel.step)
        wrong = "shorter" if size.size < panel.step else "no multiple"
        raise ConfigError(
            f"{source} holds bars of {step}; {size.text} is {wrong}. Give --bars a multiple of {step}, or leave it out."
        )


def report_of(
    panel: Panel,
    size: BarSize,
    time: np.ndarray,
    values: dict[str, np.ndarray],
    observed: np.ndarray | None,
    starts: np.ndarray,
    notes: list[str],
) -> TableReport:
    """What to tell of longer bars (M,) made from a panel."""
    assert panel.step is not None
    old = panel.report if isinstance(panel.report, TableReport) else None
    head = f"made from {counted(len(panel), 'bar')} of {duration(panel.step)}"
    before = old.notes if old else ()
    columns = old.columns if old else {}
    return bars_report(
        panel.report.source,
        time,
        values,
        starts,
        columns,
        duration(size.size),
        observed,
        (head, *notes, *before),
        panel.known,
        made=True,
    )


Piece = tuple[np.ndarray, dict[str, np.ndarray], np.ndarray, list[str]]


def joined(panel: Panel, rows: slice, size: BarSize) -> Piece:
    """One series of longer bars: times, columns, observed, notes."""
    assert panel.step is not None
    time = panel.time[rows]
    number = np.floor(time / size.size)
    firsts = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    stamp = number[firsts] * size.size
    columns = {name: array[rows] for name, array in panel.values.items()}
    seen = np.ones(len(time), bool) if panel.observed is None else panel.observed[rows]
    columns, seen = without_the_unfinished(columns, seen, firsts, panel.known)
    # filled bars are flat at the close before: they change no high, low, close or sum, but they could open a bar
    opening = np.minimum.reduceat(np.where(seen, np.arange(len(time)), len(time)), firsts)
    opening = np.where(opening < np.append(firsts[1:], len(time)), opening, firsts)
    values = grouped(firsts, *(columns[name] for name in COLUMNS))
    values["open"] = columns["open"][opening]
    high = np.where(seen, columns["high"], -np.inf)
    low = np.where(seen, columns["low"], np.inf)
    whole = np.logical_or.reduceat(seen, firsts)
    values["high"] = np.where(whole, np.maximum.reduceat(high, firsts), values["high"])
    values["low"] = np.where(whole, np.minimum.reduceat(low, firsts), values["low"])
    lasts = np.append(firsts[1:], len(time)) - 1
    # what is known in advance is as it was when the bar opened, the rest as it was when it closed
    more = {n: a[firsts if n in panel.known else lasts] for n, a in columns.items() if n not in COLUMNS}
    values |= more
    notes = ["the first bar begins part of the way through"] if time[0] > stamp[0] else []
    stop = len(stamp)
    if time[-1] + panel.step < stamp[-1] + size.size * (1 - EDGE):
        notes.append("the last bar was not over yet and was left out")
        stop -= 1
    if stop < 2:
        raise DataError(few(panel.report.source, stop, size))
    return stamp[:stop], {name: array[:stop] for name, array in values.items()}, whole[:stop], notes

"""OHLCV bars by time, by number of trades or by volume, made from trades.

Axes: N trades, M bars.
"""

import re
from typing import NamedTuple

import numpy as np

from ..errors import ConfigError, DataError
from .grid import DAY, season_of
from .panel import Panel
from .report import TableReport, counted, duration, future_rows, too_few
from .trades import Trades

COLUMNS = ("open", "high", "low", "close", "volume")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}
FORMS = "1s, 5s, 1m, 15m, 1h, 4h or 1d (by time), 100t (by number of trades) or 10v (by volume)"
LONGEST = 7 * DAY
QUIET_BARS, QUIET_LEAST, QUIET_MOST = 60, 600.0, DAY  # see outage
MOST_BARS = 50_000_000
MOST_EMPTY = 100  # empty bars to one with trades, above a million bars
EDGE = 1e-9  # of a bar: sums of decimal amounts fall short of a whole number by less


class BarSize(NamedTuple):
    """How much goes into a bar: ``size`` seconds, trades or units of volume, by ``kind``; ``text`` as it was given."""

    kind: str
    size: float
    text: str


def parse_bars(text: str) -> BarSize:
    """Understand a size of bars.

    Raises:
        ConfigError: it is none.
    """
    match = (
        re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)([smhdtv])", text.strip())
        if isinstance(text, str)
        else None
    )
    if match is None:
        raise ConfigError(f"bars must be {FORMS}, got {text!r}.")
    number, unit = float(match[1]), match[2]
    if number <= 0 or (unit != "v" and number != int(number)):
        raise ConfigError(f"bars must be {FORMS}, each a whole number above 0 but for volume, got {text!r}.")
    if unit == "v":
        return BarSize("volume", number, match[0])
    if unit == "t":
        return BarSize("trades", number, match[0])
    if number * UNITS[unit] > LONGEST:
        raise ConfigError(f"bars by time may be up to 7d long, got {text!r}.")
    return BarSize("time", number * UNITS[unit], match[0])


def outage(seconds: float) -> float:
    """The longest time without trades that is a quiet market and not an interruption, in seconds.

    60 bars, but at least 10 minutes, and at most a day or 5 bars.
    """
    return min(max(QUIET_BARS * seconds, QUIET_LEAST), max(QUIET_MOST, 5 * seconds))


def bars_of_trades(trades: Trades, bars: str) -> Panel:
    """Build bars from trades.

    Args:
        trades: N trades.
        bars: a size, see ``parse_bars``.

    A bar's time is when it opened: by time, a multiple of its length since the epoch in UTC; else the time of its first
    trade. A trade that takes the running volume across a multiple of the size closes its bar, whole; what it is over
    counts towards the next. A bar that may still grow, the last one, is left out; a first one that began before the
    trades did is kept. Bars by time without trades are flat, at the close before and without volume: observed where
    the market was quiet, not observed where it was still for longer than ``outage``.

    Raises:
        ConfigError: there is no such size.   DataError: the trades do not fill two bars, or too many bars were empty.

    Source:
        López de Prado 2018, Advances in Financial Machine Learning, chapter 2.3.1. There the volume of each bar starts
        from nothing; here from what the bar before had over, so that sizes average what was asked for.
    """
    size = parse_bars(bars)
    if size.kind == "time":
        return time_bars(trades, size)
    notes = []
    if size.kind == "trades":
        number = np.arange(len(trades)) // int(size.size)
        ended = len(trades) % int(size.size) == 0
    else:
        volume = np.cumsum(trades.amount)
        before = np.concatenate(([0.0], volume[:-1]))
        number = np.floor(before / size.size + EDGE)
        ended = np.floor(volume[-1] / size.size + EDGE) > number[-1]
    firsts = np.flatnonzero(np.diff(number, prepend=-1.0))
    values = grouped(firsts, *(trades.price,) * 4, trades.amount)
    time = trades.time[firsts]
    if not ended:
        notes.append("the last bar was not full yet and was left out")
        time, values = time[:-1], {name: array[:-1] for name, array in values.items()}
    return made(trades, size, time, values, None, notes)


def time_bars(trades: Trades, size: BarSize) -> Panel:
    """Bars by time from trades; see ``bars_of_trades``."""
    number = trades.time / size.size
    np.floor(number, out=number)
    firsts = np.append(0, np.flatnonzero(number[1:] != number[:-1]) + 1)
    values = grouped(firsts, *(trades.price,) * 4, trades.amount)
    number = number[firsts]
    notes = ["the last bar was not over yet and was left out"]
    if trades.time[0] > number[0] * size.size:
        notes.append("the first bar begins part of the way through")
    silences = trades.time[firsts[1:]] - trades.time[firsts[1:] - 1]
    length = check_length(trades.report.source, number, size)
    index = (number - number[0]).astype(np.int64)
    # the last one is left out, those without trades before it are whole
    values = spread({name: array[:-1] for name, array in values.items()}, index[:-1], length)
    observed = None
    if length > len(index) - 1:
        observed = np.ones(length, bool)
        for at in np.flatnonzero((silences > outage(size.size)) & (np.diff(index) > 1)):
            observed[index[at] + 1 : index[at + 1]] = False
        notes.append(empty_bars_note(size, length - len(index) + 1, observed, silences))
    time = (number[0] + np.arange(length)) * size.size
    return made(trades, size, time, values, observed, notes)


def empty_bars_note(size: BarSize, empty: int, observed: np.ndarray, silences: np.ndarray) -> str:
    """A sentence on bars without trades."""
    lost = int((~observed).sum())
    words = f"{counted(empty, 'bar')} without trades, flat at the close before"
    if lost:
        words += (
            f"; {lost:,} of them, in times without trades longer than {duration(outage(size.size))} (the longest "
            f"{duration(float(silences.max()))}), count as not observed"
        )
    return words


def check_length(source: str, number: np.ndarray, size: BarSize) -> int:
    """How many bars there are before the last one at ``number`` (K,), with the empty ones.

    Raises:
        DataError: too few, or too many.
    """
    length = int(number[-1] - number[0])
    if length < 2:
        raise DataError(few(source, length, size))
    if length > MOST_BARS or (length > 1_000_000 and length > MOST_EMPTY * len(number)):
        raise DataError(
            f"{source} would give {length:,} bars of {size.text}, only {len(number):,} of them with trades. "
            "Choose longer bars, or look whether the times are right."
        )
    return length


def grouped(
    firsts: np.ndarray,
    opens: np.ndarray,
    highs: np.ndarray,
    lows: np.ndarray,
    closes: np.ndarray,
    volume: np.ndarray,
) -> dict[str, np.ndarray]:
    """OHLCV of consecutive groups, each (M,), from columns (N,); ``firsts`` (M,) is where a group begins."""
    lasts = np.append(firsts[1:], len(opens)) - 1
    return {
        "open": opens[firsts],
        "high": np.maximum.reduceat(highs, firsts),
        "low": np.minimum.reduceat(lows, firsts),
        "close": closes[lasts],
        "volume": np.add.reduceat(volume, firsts),
    }


def spread(values: dict[str, np.ndarray], index: np.ndarray, length: int) -> dict[str, np.ndarray]:
    """Columns of bars (K,) at places (K,) among M = ``length``; between them flat bars without volume."""
    if length == len(index):
        return values
    last = np.zeros(length, np.int64)
    last[index] = np.arange(len(index))
    last = np.maximum.accumulate(last)
    own = np.zeros(length, bool)
    own[index] = True
    close = values["close"][last]
    full = {name: np.where(own, values[name][last], close) for name in COLUMNS[:4]}
    return full | {"volume": np.where(own, values["volume"][last], 0.0)}


def made(
    trades: Trades,
    size: BarSize,
    time: np.ndarray,
    values: dict[str, np.ndarray],
    observed: np.ndarray | None,
    notes: list[str],
) -> Panel:
    """A panel of bars from trades."""
    if len(time) < 2:
        raise DataError(few(trades.report.source, len(time), size))
    step = size.size if size.kind == "time" else None
    head = f"made from {counted(len(trades), 'trade')} by {size.kind}, {size.text} each"
    report = bars_report(
        trades.report.source,
        time,
        values,
        np.zeros(1, np.int64),
        trades.report.columns,
        "" if step is None else duration(step),
        observed,
        (head, *notes, *trades.report.notes),
        made=True,
    )
    season = None if step is None else season_of(step)
    return Panel("bars", time, values, report, observed=observed, step=step, season=season, bars=size.text)


def bars_report(
    source: str,
    time: np.ndarray,
    values: dict[str, np.ndarray],
    starts: np.ndarray,
    columns: object,
    step: str,
    observed: np.ndarray | None,
    notes: tuple[str, ...],
    known: tuple[str, ...] = (),
    made: bool = False,
) -> TableReport:
    """Summarise bars, (M,) each, of series that begin at ``starts`` (S,); ``made`` from trades or shorter bars."""
    low, high = values["low"], values["high"]
    still = (
        ("the price never moves: there is nothing to forecast",)
        if len(time) > 1 and high.max() == low.min()
        else ()
    )
    return TableReport(
        source=source,
        thing="bar",
        rows=len(time),
        series=len(starts),
        first_time=float(time.min()),
        last_time=float(time.max()),
        columns=dict(columns),  # type: ignore[call-overload]
        step=step,
        missing=0 if observed is None else int((~observed).sum()),
        values={"prices": (float(low.min()), float(high.max()))},
        notes=(*notes, *still),
        covariates=tuple(name for name in values if name not in (*COLUMNS, *known)),
        known=known,
        future=future_rows(observed, starts),
        made=made,
    )


def few(source: str, number: int, size: BarSize) -> str:
    """What to say of a source that is too short for its bars."""
    return f"{too_few(number, 'whole bar')}: {source} does not fill two bars of {size.text}. Choose smaller bars."

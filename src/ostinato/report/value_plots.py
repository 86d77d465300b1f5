"""Plots of quantiles and outcomes.

Axes: n rows, Q levels, H horizons.
"""

from itertools import pairwise

import numpy as np

from ..evaluation import coverage
from .along import along, means, middles, thinned
from .facts import Facts
from .figures import INK, OTHER, OURS, RIVAL, SOFT, Figure, Trace, bands, bars, level, line, marks
from .forecasts import ForecastPart, Forecasts
from .html import plot_text
from .numbers import count, number, percent

STRETCH = 200  # points that can be told from each other
BINS = 500


def stretch(part: ForecastPart, facts: Facts, name: str) -> Figure:
    """The last points of a part at one horizon: bands, median and outcome."""
    last = part.take(slice(-STRETCH, None))
    place = along(last, facts.kind, _shift(last, facts))
    ahead = _ahead(last, facts)
    inside = _inside(last)
    summary = f"The last {count(len(last))} {facts.kind}s of the test part, {ahead}. "
    if inside is not None:
        summary += f"What happened lies within the widest band in {percent(inside, 0)} of them. "
    return Figure(
        f"{_capital(name)}: the last {count(len(last))} {facts.kind}s, {ahead}",
        summary + _placed(facts, place.of_time),
        [*bands(place.x, last.forecast, last.levels), *_lines(place.x, last)],
        place.axis,
        {"title": plot_text(name, 30)},
        height=360,
    )


def overview(part: ForecastPart, facts: Facts, name: str) -> Figure | None:
    """A whole part at one horizon, thinned out; None where `stretch` shows it all."""
    if len(part) <= STRETCH:
        return None
    bins = min(BINS, len(part))
    place = along(part.take(middles(len(part), bins)), facts.kind, _shift(part, facts)[:bins])
    quantiles = means(part.forecast, bins)
    pair = quantiles[:, [0, -1]]
    low, high = (thinned(part.actual, bins, how.reduceat) for how in (np.fmin, np.fmax))
    reach = {"type": "scatter", "mode": "lines", "line": {"width": 1, "color": INK}, "hoverinfo": "skip"}
    envelope = np.stack([low, high], axis=1).ravel()
    traces = [
        *(bands(place.x, pair, part.levels[[0, -1]]) if len(part.levels) > 1 else []),
        reach | {"x": [x for x in place.x for _ in range(2)], "y": envelope, "name": "what happened"},
        line(place.x, means(part.middle, bins), "median", OURS),
    ]
    summary = (
        f"All {count(len(part))} {facts.kind}s of the test part in {count(bins)} runs of "
        f"{count(len(part) / bins)}: the lowest and the highest value that happened in each, and the mean of the "
        f"forecasts.{_range(part.known.actual)}"
    )
    return Figure(
        f"{_capital(name)}: the whole test part", summary, traces, place.axis, {"title": plot_text(name, 30)}
    )


def paths(forecasts: Forecasts, column: int, series: int | None, facts: Facts, name: str) -> Figure | None:
    """Whole paths from a few rows, one after the other; None where there is one horizon."""
    reach = forecasts.horizons[-1]
    if len(forecasts.horizons) < 2:
        return None
    part = forecasts.part(column, series)
    origins = _origins(part, reach, len(forecasts.horizons), most=max(3, min(12, 300 // reach)))
    traces: list[Trace] = []
    axis: dict[str, object] = {}
    for place, row in enumerate(origins):
        path = part.take(part.row == row)
        if facts.step is not None and np.all(np.isfinite(path.seconds)):
            found = along(path, facts.kind, path.horizon * facts.step)
            x, axis = found.x, found.axis
        else:
            x, axis = (
                (path.row + path.horizon).tolist(),
                {"title": f"{facts.kind} number", "tickformat": ",d"},
            )
        first = place == 0
        group = [*bands(x, path.forecast, path.levels, legend=first), *_lines(x, path)]
        traces += [trace if first else trace | {"showlegend": False} for trace in group]
    if not traces:
        return None
    summary = (
        f"Forecasts made at {count(len(origins))} moments late in the test part, each up to "
        f"{count(reach)} {facts.kind}s "
        "ahead, at the place of what they foresee. Bands widen with what cannot be known."
    )
    return Figure(
        f"{_capital(name)}: paths of {count(reach)} {facts.kind}s, forecast at {count(len(origins))} moments",
        summary, traces, axis, {"title": plot_text(name, 30)}, {"hovermode": "closest"}, height=360,
    )  # fmt: skip


def coverage_by_level(part: ForecastPart) -> Figure | None:
    """For each level, the share of values at or below the quantile; None for a single level."""
    if len(part.levels) < 2:
        return None
    found = coverage(part.forecast[:, None], part.levels, part.actual[:, None])
    off = int(np.argmax(np.abs(found.observed - found.nominal)))
    summary = (
        f"Of {count(found.labels)} values. The nearer to the dashed diagonal the better; the level "
        "that is furthest off, "
        f"{percent(found.nominal[off], 0)}, was met by {percent(found.observed[off])}."
    )
    ideal = line([0, 1], [0, 1], "ideal", SOFT, dash="dash", width=1, hoverinfo="skip")
    ours = marks(found.nominal, found.observed, "observed", OURS) | {"mode": "lines+markers"}
    ours["line"] = {"color": OURS, "width": 1.6}
    return Figure(
        "Coverage by level",
        summary,
        [ideal, ours],
        {"title": "level of the quantile", "tickformat": ".0%", "range": [0, 1]},
        {"title": "share at or below", "tickformat": ".0%", "range": [0, 1]},
        {"hovermode": "closest"},
    )


def between_levels(part: ForecastPart) -> Figure | None:
    """Fraction of outcomes between neighbouring quantiles, against the nominal one."""
    if len(part.levels) < 2:
        return None
    below = np.sum(part.actual[:, None] > part.forecast, axis=1)
    edges = np.r_[0.0, part.levels, 1.0]
    share, ideal = np.bincount(below, minlength=len(edges) - 1) / len(part), np.diff(edges)
    names = [f"{100 * a:g}–{100 * b:g}" for a, b in pairwise(edges)]
    outer = share[0] + share[-1]
    summary = (
        "Where the values fell between the quantiles (a PIT histogram). Flat is right; high at both "
        "ends means bands too "
        f"narrow, high in the middle too wide. The outermost two hold {percent(outer)}, and should hold "
        f"{percent(ideal[0] + ideal[-1])}."
    )
    return Figure(
        "Where values fell among the quantiles",
        summary,
        [bars(names, share / ideal, "observed over expected", OTHER)],
        {"type": "category", "title": "between the levels, in %"},
        {"title": "observed / expected", "rangemode": "tozero"},
        {"shapes": [level(1.0, RIVAL)]},
        height=280,
    )


def _lines(x: list[object], part: ForecastPart) -> list[Trace]:
    name = "median" if len(part.levels) > 1 else "forecast"
    return [
        line(x, part.middle, name, OURS, width=1.8),
        line(x, part.actual, "what happened", INK, width=1.3),
    ]


def _origins(part: ForecastPart, reach: int, horizons: int, most: int) -> list[int]:
    """Rows as far apart as the paths are long, late in a part, of which every horizon is known."""
    known = part.known
    rows, seen = np.unique(known.row, return_counts=True)
    rows = rows[seen == horizons]
    if not len(rows):
        rows = np.unique(part.row)
    picked = [int(rows[-1])]
    for row in rows[::-1]:
        if len(picked) < most and row <= picked[-1] - reach:
            picked.append(int(row))
    return picked[::-1]


def _shift(part: ForecastPart, facts: Facts) -> np.ndarray:
    """Seconds from a forecast to its target time; a return is drawn where it begins."""
    if facts.step is None or facts.target in ("return", "direction"):
        return np.zeros(len(part))
    return np.asarray(part.horizon * facts.step)


def _placed(facts: Facts, of_time: bool) -> str:
    if facts.target == "return":
        return "Each is drawn where it was made; the return is over what follows."
    if facts.step is None or not of_time:
        return "Each is drawn where it was made."
    return "Each is drawn at the time that it foresees."


def _ahead(part: ForecastPart, facts: Facts) -> str:
    steps = int(part.horizon[0])
    return f"{count(steps)} {facts.kind}{'s' if steps > 1 else ''} ahead"


def _inside(part: ForecastPart) -> float | None:
    known = part.known
    if len(part.levels) < 2 or not len(known):
        return None
    return float(np.mean((known.actual >= known.forecast[:, 0]) & (known.actual <= known.forecast[:, -1])))


def _range(values: np.ndarray) -> str:
    return (
        f" What happened lies from {number(values.min())} to {number(values.max())}." if len(values) else ""
    )


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]

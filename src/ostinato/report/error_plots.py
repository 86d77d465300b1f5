"""Errors by horizon, time and series, and the autocorrelation of residuals.

Axes: n rows, L lags.
"""

from collections.abc import Iterator

import numpy as np

from ..evaluation import autocorrelation, error_by
from ..runs.metric_table import loss_name
from .facts import Facts
from .figures import BAND, GRID, OTHER, OURS, RIVAL, SOFT, Figure, bars, level, line, marks, upright
from .forecasts import ForecastPart, Forecasts
from .html import plot_text
from .numbers import are_times, count, hours, number, p_value, weekdays

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LAGS, MOST_LAGS = 40, 200
MOST_SERIES = 30


def by_horizon(part: ForecastPart, measure: str, facts: Facts) -> Figure | None:
    """The loss by steps ahead; None for one horizon."""
    known = part.known
    if not len(known) or len(np.unique(known.horizon)) < 2:
        return None
    found = error_by(known.losses(measure), known.horizon)
    name = loss_name(measure)
    summary = (
        f"From {number(found.mean[0])} at {count(found.groups[0])} to {number(found.mean[-1])} at "
        f"{count(found.groups[-1])} "
        f"{facts.kind}s ahead; each is the mean of {count(int(found.rows.min()))} forecasts or more."
    )
    curve = line(found.groups, found.mean, name, OURS, width=2)
    if len(found.groups) <= 60:
        curve |= {"mode": "lines+markers", "marker": {"size": 5, "color": OURS}}
    return Figure(
        f"{_capital(name)} by steps ahead",
        summary,
        [curve],
        {"title": f"{facts.kind}s ahead", "tickformat": ",d"},
        {"title": name, "rangemode": "tozero"},
    )


def by_clock(part: ForecastPart, measure: str, facts: Facts) -> Iterator[Figure]:
    """The loss by hour of the day and by weekday, where the times say so."""
    known = part.known
    if not len(known) or not are_times(known.seconds):
        return
    losses = known.losses(measure)
    if facts.step is None or facts.step < 86_400:
        of = hours(known.seconds)
        if len(np.unique(of)) > 1:
            yield _grouped(
                losses, of, [f"{hour:02d}" for hour in range(24)], "hour of the day (UTC)", measure, facts
            )
    of = weekdays(known.seconds)
    if len(np.unique(of)) > 1:
        yield _grouped(losses, of, list(DAYS), "day of the week (UTC)", measure, facts)


def by_series(forecasts: Forecasts, column: int, measure: str) -> Figure | None:
    """The loss of each series; None for one."""
    part = forecasts.part(column).known
    if len(forecasts.series) < 2 or not len(part):
        return None
    found = error_by(part.losses(measure), part.series)
    order = np.argsort(-found.mean)[:MOST_SERIES]
    names = [plot_text(forecasts.series[found.groups[place]], 24) for place in order]
    which = (
        f"The {count(len(order))} series with the largest"
        if len(order) < len(found.mean)
        else "Every series with its"
    )
    return Figure(
        f"{_capital(loss_name(measure))} by series",
        f"{which} {loss_name(measure)}, each in its own units, so that large numbers need not be bad forecasts.",
        [bars(found.mean[order], names, loss_name(measure), OTHER, orientation="h")],
        {"title": loss_name(measure), "rangemode": "tozero"},
        {"type": "category", "autorange": "reversed"},
        {"hovermode": "closest"},
        height=max(160, 60 + 24 * len(order)),
    )


def residuals(part: ForecastPart, facts: Facts) -> Figure | None:
    """Autocorrelation of the residuals of one series at one horizon; None for too few rows."""
    known = part.known
    ahead = int(known.horizon[0]) if len(known) else 1
    if len(known) < 20:
        return None
    found = autocorrelation(known.actual - known.middle, min(max(LAGS, 2 * ahead), MOST_LAGS))
    if not np.any(np.isfinite(found.values)):
        return None
    outside = int(np.sum(np.abs(found.values) > found.bound))
    last = int(found.lags[-1])
    summary = (
        f"{outside} of {last} lags lie outside the band that holds 95 % of them for white noise "
        f"(±{number(found.bound)}). "
    )
    p = float(found.p_values[-1])
    if ahead > 1:
        summary += (
            f"Labels {count(ahead)} {facts.kind}s ahead overlap, so the first {count(ahead - 1)} "
            "lags, left of the dashed "
            "line, are not zero even for a perfect forecast, and a test of all of them would say nothing."
        )
    else:
        verdict = (
            "errors still hold something to be foreseen" if p < 0.01 else "nothing speaks against white noise"
        )
        summary += f"Ljung and Box's test of all {last}: p = {p_value(p)}; {verdict}."
    band = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": -found.bound, "y1": found.bound}
    shapes = [band | {"fillcolor": BAND, "line": {"width": 0}, "layer": "below"}]
    if 1 < ahead <= last:
        shapes.append(upright(ahead - 0.5, RIVAL))
    return Figure(
        "Autocorrelation of the errors",
        summary,
        [bars(found.lags, found.values, "autocorrelation", OURS)],
        {"title": f"lag in {facts.kind}s", "range": [0.3, last + 0.7]},
        {"title": "autocorrelation"},
        {"shapes": [*shapes, level(0.0) | {"line": {"color": SOFT, "width": 1}}], "bargap": 0.4},
        height=280,
    )


def _grouped(
    losses: np.ndarray, of: np.ndarray, names: list[str], what: str, measure: str, facts: Facts
) -> Figure:
    """Means with whiskers, and below them, on a scale of their own, how many rows they are of."""
    found, name = error_by(losses, of), loss_name(measure)
    label = [names[group] for group in found.groups]
    worst, best = int(np.argmax(found.mean)), int(np.argmin(found.mean))
    most, least = count(found.rows.max()), count(found.rows.min())
    overlap = " Labels overlap, so the true ones are longer." if facts.horizon > 1 else ""
    summary = (
        f"Largest at {label[worst]} ({number(found.mean[worst])}) and smallest at {label[best]} "
        f"({number(found.mean[best])}), by when the forecast was made; the dashed line is the mean of "
        "all. Whiskers are two "
        f"standard errors, as if rows were independent.{overlap} Bars: how many forecasts, from {least} to {most}."
    )
    whiskers = {
        "type": "data",
        "array": 2 * found.standard_error,
        "color": OURS,
        "thickness": 1.2,
        "width": 3,
    }
    rows = bars(label, found.rows, "forecasts (their number)", GRID, yaxis="y2", hoverinfo="skip")
    means = marks(label, found.mean, name, OURS, error_y=whiskers, customdata=found.rows)
    hidden = {"side": "right", "visible": False, "fixedrange": True}
    return Figure(
        f"{_capital(name)} by {what}",
        summary,
        [rows, means | {"hovertemplate": "%{x}: %{y:.4g} of %{customdata:,d}<extra></extra>"}],
        {"type": "category", "title": what},
        {"title": name, "overlaying": "y2", "side": "left", "tickmode": "auto"},
        {
            "hovermode": "closest",
            "yaxis2": hidden | {"range": [0, 5 * int(found.rows.max())]},
            "shapes": [level(float(np.mean(losses)))],
        },
        height=300,
    )


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]

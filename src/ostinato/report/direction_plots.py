"""Plots of probabilities of "up" and outcomes."""

import numpy as np

from ..evaluation import reliability
from .along import along, means, middles
from .facts import Facts
from .figures import OTHER, OURS, RIVAL, SOFT, Figure, level, line, marks
from .forecasts import ForecastPart
from .numbers import count, number, percent

STRETCH = 200
RUNS = 100  # of rows, in which shares are taken
BINS = 40  # of the histogram


def stream(part: ForecastPart, facts: Facts) -> Figure:
    """The last probabilities, with outcomes above and below."""
    last = part.take(slice(-STRETCH, None))
    place = along(last, facts.kind)
    rose, not_rose = np.flatnonzero(last.actual == 1), np.flatnonzero(last.actual == 0)
    traces = [line(place.x, last.forecast, "probability of up", OURS, shape="hv")]
    for rows, name, height, symbol, color in (
        (rose, "went up", 1.06, "triangle-up", RIVAL),
        (not_rose, "did not", -0.06, "line-ns", OTHER),
    ):
        if len(rows):
            at = [place.x[row] for row in rows]
            traces.append(
                marks(at, np.full(len(rows), height), name, color, symbol=symbol, size=6, hoverinfo="skip")
            )
    shapes = []
    summary = f"The last {count(len(last))} {facts.kind}s of the test part. "
    known = part.known
    if len(known):
        rate = float(np.mean(known.actual))
        shapes.append(level(rate))
        summary += f"The dashed line is the share that went up in the whole part, {percent(rate)}. "
    summary += "Triangles above: it went up; ticks below: it did not."
    return Figure(
        f"Probability of up: the last {count(len(last))} {facts.kind}s",
        summary,
        traces,
        place.axis,
        {"title": "probability of up", "range": [-0.12, 1.12], "tickvals": [0, 0.25, 0.5, 0.75, 1]},
        {"shapes": shapes},
        height=340,
    )


def drift(part: ForecastPart, facts: Facts) -> Figure | None:
    """Mean forecasts and shares of ups along the whole part; None for fewer than ten rows in each run."""
    known = part.known
    if len(known) < 10 * RUNS:
        return None
    place = along(known.take(middles(len(known), RUNS)), facts.kind)
    forecast, rose = means(known.forecast, RUNS), means(known.actual, RUNS)
    summary = (
        f"The test part in {RUNS} runs of about {count(len(known) / RUNS)} {facts.kind}s. On average "
        "the mean forecast is "
        f"{percent(np.mean(np.abs(forecast - rose)))} away from the share that went up; the share of a run would "
        f"scatter by about {percent(np.sqrt(np.mean(rose) * (1 - np.mean(rose)) * RUNS / len(known)))} by chance alone."
    )
    return Figure(
        "Mean forecast and share that went up, along the test part",
        summary,
        [
            line(place.x, rose, "share that went up", OTHER),
            line(place.x, forecast, "mean forecast", OURS, width=2),
        ],
        place.axis,
        {"title": "share", "tickformat": ".0%"},
    )


def histogram(part: ForecastPart) -> Figure:
    """Distribution of probabilities by outcome."""
    known = part.known
    edges = np.linspace(0, 1, BINS + 1)
    traces, middle = [], []
    for outcome, name, color, dash in ((0, "did not", OTHER, "dot"), (1, "went up", OURS, "solid")):
        p = known.forecast[known.actual == outcome]
        if len(p):
            share = np.histogram(p, edges)[0] / len(p)
            stairs = np.r_[share, share[-1]]
            traces.append(
                line(edges, stairs, f"{name} ({count(len(p))})", color, shape="hv", dash=dash, width=2)
            )
            middle.append(f"{number(float(np.median(p)), 3)} where it {name}")
    summary = f"The median probability of up was {' and '.join(middle)}. The less the two overlap, the more is known."
    return Figure(
        "Probabilities by what happened",
        summary,
        traces,
        {"title": "probability of up", "range": [0, 1]},
        {"title": "share of rows", "tickformat": ".0%", "rangemode": "tozero"},
        height=280,
    )


def reliability_diagram(part: ForecastPart) -> Figure:
    """Shares that went up by forecast, with Wilson's intervals."""
    known = part.known
    found = reliability(known.forecast, known.actual, bins=15)
    lowest, highest = float(min(found.p.min(), found.low.min())), float(max(found.p.max(), found.high.max()))
    room = 0.05 * (highest - lowest) or 0.05
    span = [max(lowest - room, -0.02), min(highest + room, 1.02)]
    whiskers = {
        "type": "data", "symmetric": False, "array": found.high - found.up, "arrayminus": found.up - found.low,
        "color": OURS, "thickness": 1.2, "width": 3,
    }  # fmt: skip
    outside = int(np.sum((found.low > found.p) | (found.high < found.p)))
    summary = (
        f"{count(len(known))} rows in {len(found.p)} bins of about equally many. On the dashed "
        "diagonal, forecasts mean what "
        f"they say. Whiskers are Wilson's 95 % intervals, as if rows were independent; {outside} of "
        f"{len(found.p)} do not "
        "reach the diagonal."
    )
    return Figure(
        "Reliability",
        summary,
        [
            line(span, span, "ideal", SOFT, dash="dash", width=1, hoverinfo="skip"),
            marks(found.p, found.up, "observed", OURS, error_y=whiskers, customdata=found.rows)
            | {"hovertemplate": "forecast %{x:.1%}, went up %{y:.1%} of %{customdata:,d}<extra></extra>"},
        ],
        {"title": "mean forecast", "tickformat": ".0%", "range": span},
        {"title": "share that went up", "tickformat": ".0%", "range": span},
        {"hovermode": "closest"},
        height=360,
    )

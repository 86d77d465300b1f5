"""Plots of models and baselines."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..evaluation.verdict import baseline_label
from ..runs.comparison import ComparedModel, Comparison
from ..runs.results import Results
from .figures import INK, OTHER, OURS, RIVAL, Figure, Trace, line, marks, upright
from .html import plot_text
from .numbers import count
from .wording import format_metric

MOST_ENTRIES = 60
FAR = 3.0  # times the middle one
COLORS = (OURS, INK, OTHER)
DASHES = ("solid", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star")


def dots_and_whiskers(found: Comparison) -> Figure:
    """The tested loss of each with its interval, the lowest on top."""
    rows = []
    for entries in (found.models, found.baselines):
        for name, entry in entries.items():
            value = entry.test.get(found.measure)
            if value is not None:
                low, high = entry.intervals.get(found.measure, [None, None])
                ours = isinstance(entry, ComparedModel)
                rows.append((value, low, high, plot_text(name if ours else baseline_label(name), 28), ours))
    rows = sorted(rows, key=lambda row: row[0])[:MOST_ENTRIES]
    far = [row for row in rows if rows[0][0] > 0 and row[0] > FAR * rows[len(rows) // 2][0]]
    rows = rows[: len(rows) - len(far)]  # they would press all others into one line
    names = _distinct([row[3] for row in rows])
    traces = []
    for ours, label, color, symbol in (
        (True, "model", OURS, "circle"),
        (False, "baseline", OTHER, "diamond-open"),
    ):
        places = [place for place, row in enumerate(rows) if row[4] == ours]
        if places:
            whiskers = {
                "type": "data", "symmetric": False, "color": color, "thickness": 1.5, "width": 4,
                "array": [_length(rows[p][2], rows[p][0]) for p in places],
                "arrayminus": [_length(rows[p][0], rows[p][1]) for p in places],
            }  # fmt: skip
            at, where = [rows[p][0] for p in places], [names[p] for p in places]
            traces.append(marks(at, where, label, color, symbol=symbol, size=9, error_x=whiskers))
    baseline = found.baselines.get(found.best_baseline)
    best = baseline.test.get(found.measure) if baseline else None
    summary = (
        "The lower the better. Whiskers are 95\N{NO-BREAK SPACE}% intervals, of each alone: two that "
        "overlap may still differ, since "
        "all forecast the same rows; the test in the table takes that into account."
    )
    if rows:
        summary = f"Lowest: {rows[0][3]}, {format_metric(found.measure, rows[0][0])}. " + summary
    if far:
        beyond = ", ".join(f"{row[3]} ({format_metric(found.measure, row[0])})" for row in far)
        summary += f" Too far away to be drawn: {beyond}."
    if best is not None:
        summary += " The dashed line is the best baseline."
    return Figure(
        f"{found.loss_name[:1].upper()}{found.loss_name[1:]} with intervals",
        summary,
        traces,
        {"title": plot_text(found.loss_name), "showgrid": True},
        {"type": "category", "categoryorder": "array", "categoryarray": names[::-1], "showgrid": False},
        {"hovermode": "closest", "shapes": [] if best is None else [upright(best, RIVAL)]},
        height=max(200, 90 + 26 * len(rows)),
    )


def by_fold(found: Comparison, results: Mapping[str, Sequence[Results | None]]) -> Figure | None:
    """The tested loss of each model, fold by fold, beside the best baseline on the same rows; None without results."""
    curves: dict[str, list[float | None]] = {}
    baseline: list[float | None] = [None] * found.folds
    for name, runs in results.items():
        curve = [run.test.get(found.measure) if run else None for run in runs[: found.folds]]
        if any(value is not None for value in curve):
            curves[name] = curve
        for fold, run in enumerate(runs[: found.folds]):
            if run and baseline[fold] is None:
                baseline[fold] = run.baselines.get(found.best_baseline, {}).get(found.measure)
    if not curves:
        return None
    folds = list(range(1, found.folds + 1))
    traces: list[Trace] = []
    for place, (name, curve) in enumerate(curves.items()):
        style: dict[str, Any] = {"dash": DASHES[place // len(SYMBOLS) % len(DASHES)]}
        color = COLORS[place % len(COLORS)]
        symbol = {"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8, "color": color}
        traces.append(
            line(folds[: len(curve)], curve, plot_text(name, 24), color, **style)
            | {"mode": "lines+markers", "marker": symbol}
        )
    if any(value is not None for value in baseline):
        name = plot_text(baseline_label(found.best_baseline))
        traces.append(line(folds, baseline, name, RIVAL, dash="dash", width=2))
    return Figure(
        f"{found.loss_name[:1].upper()}{found.loss_name[1:]} by fold",
        f"{count(len(curves))} models over {count(found.folds)} folds, told apart by their marks; the "
        "dashed line is the best "
        "baseline on the same rows. A lead that holds in every fold says more than one that comes from a single one.",
        traces,
        {"title": "fold", "tickformat": ",d", "dtick": 1 if found.folds <= 20 else None},
        {"title": plot_text(found.loss_name)},
    )


def _distinct(names: list[str]) -> list[str]:
    """Distinct names for plotly: a model may have the name of a baseline."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def _length(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else max(high - low, 0.0)

"""The table of a comparison: models and baselines by the tested metric, no wider than the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from ..evaluation.verdict import recorded
from ..runs.metric_table import COMPARISON_COLUMNS, metric_of
from .numbers import format_or_dash
from .tables import SHORT, settings_lines

if TYPE_CHECKING:
    from ..runs.comparison import ComparedBaseline, Comparison

WIDE = 8  # characters of a heading that stays in one line


def show_comparison(console: Console, found: "Comparison") -> None:
    """Print the table, its legend, and one verdict for each model, the best first."""
    console.print(comparison_table(console, found))
    console.print(_legend(found), highlight=False, markup=False)
    for line in settings_lines({name: entry.settings for name, entry in found.baselines.items()}):
        console.print(line, highlight=False, markup=False)
    verdicts = recorded(found)
    for name, _ in sorted(found.models.items(), key=lambda entry: _loss(entry[1], found.measure)):
        console.print(verdicts[name].sentence, highlight=False, markup=False)


def comparison_table(console: Console, found: "Comparison") -> Table:
    """Every model and every baseline, the lowest measure first; as many metrics as the console is wide."""
    entries: list[tuple[str, ComparedBaseline]] = [
        *((name, model) for name, model in found.models.items() if model.failed is None),
        *found.baselines.items(),
    ]
    entries.sort(key=lambda entry: _loss(entry[1], found.measure))
    known = {
        key: metric_of(key).heading
        for key in COMPARISON_COLUMNS.get(found.measure, ())
        if any(entry.test.get(key) is not None for _, entry in entries)
    }
    unbounded = console.options.update(max_width=1000)  # a measure never is beyond the width it is given
    for count in range(len(known), 0, -1):
        table = _table(found, entries, dict(list(known.items())[:count]))
        if console.measure(table, options=unbounded).maximum <= console.width:
            return table
    return _table(found, entries, {})


def _table(
    found: "Comparison", entries: "Sequence[tuple[str, ComparedBaseline]]", metrics: dict[str, str]
) -> Table:
    everyone = [entry for _, entry in entries]
    scales = {name: _power(name, everyone) for name in (found.measure, *metrics)}
    headings = [
        "",
        _heading(metric_of(found.measure).loss_name, scales[found.measure]),
        "95 %",
        *(_heading(text, scales[name]) for name, text in metrics.items()),
        *("DM", "p", "size", "train", "step"),
    ]
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=0, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True, vertical="bottom")
    for name, entry in entries:
        own = name in found.models
        table.add_row(
            *_cells(name, entry, found, list(metrics), scales),
            *(_of_model(name, found) if own else [""] * 5),
            style="" if own else "dim",
        )
    return table


def _cells(
    name: str,
    entry: "ComparedBaseline",
    found: "Comparison",
    metrics: Sequence[str],
    scales: dict[str, int],
) -> list[str]:
    """Name, measure, its interval and the further metrics."""
    low, high = entry.intervals.get(found.measure, [None, None])
    power = scales[found.measure]
    span = "" if low is None or high is None else f"{_digits(low, power)}–{_digits(high, power)}"
    values = [(metric, entry.test.get(metric)) for metric in metrics]
    return [
        SHORT.get(name, name),
        _number(entry.test.get(found.measure), power),
        span,
        *(_number(value, scales[metric]) for metric, value in values),
    ]


def _of_model(name: str, found: "Comparison") -> list[str]:
    """Test against the best baseline, and what the model costs."""
    model = found.models[name]
    skill = model.skill.get(found.best_baseline)
    return [
        format_or_dash(skill.statistic if skill else None, ".1f"),
        _p(model.corrected_p),
        _thousands(model.parameters),
        format_or_dash(model.seconds, ".0f", "s"),
        format_or_dash(model.step_us, ".0f", "µs"),
    ]


def _legend(found: "Comparison") -> str:
    rows = f"{found.rows_scored:,} rows of {found.source}"
    walked = f" in {found.folds} folds ({found.window})" if found.folds > 1 else ""
    legend = f"All on the same {rows}{walked}; a lower {found.loss_name} is better, 95 % by block bootstrap."
    if not found.best_baseline:
        return legend
    corrected = f", p corrected for {found.compared} models" if found.compared > 1 else ""
    return (
        f"{legend} DM: Diebold–Mariano against {found.best_baseline}, the best baseline; below 0 the model loses "
        f"less{corrected}."
    )


def _power(metric: str, entries: Sequence["ComparedBaseline"]) -> int:
    """The power of ten, a multiple of three, that small numbers are shown in."""
    values = [abs(value) for entry in entries if (value := entry.test.get(metric))]
    power = 0
    while values and power > -12 and min(values) < 0.1 * 10**power and max(values) < 10**power:
        power -= 3
    return power


def _heading(text: str, power: int) -> str:
    lines = text.replace(" ", "\n") if len(text) > WIDE else text
    return f"{lines}\n×1e{power}" if power else lines


def _number(value: float | None, power: int) -> str:
    """Four digits that count, at most four behind the point."""
    if value is None:
        return "-"
    value /= 10.0**power
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"


def _digits(value: float, power: int) -> str:
    """Three digits that count."""
    value /= 10.0**power
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.3g}"


def _loss(entry: "ComparedBaseline", measure: str) -> float:
    value = entry.test.get(measure)
    return float("inf") if value is None else value


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def _thousands(count: int | None) -> str:
    if count is None:
        return "-"
    return (
        f"{count:,}" if count < 10_000 else f"{count / 1000:.0f}k" if count < 10**6 else f"{count / 1e6:.1f}M"
    )

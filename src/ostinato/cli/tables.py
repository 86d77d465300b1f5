"""Tables and verdicts for people: every model and the baselines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from ..evaluation.verdict import ModelScores, best_baseline, judge
from ..runs.metric_table import RUN_COLUMNS, loss_name, metric_of
from .numbers import format_or_dash, number

if TYPE_CHECKING:
    from ..runs.results import Results

SHORT = {"exponential_smoothing": "exp_smoothing", "constant_quantiles": "const_quantiles"}


@dataclass(frozen=True)
class Scores(ModelScores):
    """Metrics of a model on the rows of a test part, and its cost."""

    seconds: float | None = None  # of training
    step_us: float | None = None
    settings: Mapping[str, str] = field(default_factory=dict)  # of baselines, such as a window

    @property
    def best_baseline(self) -> str | None:
        """The baseline with the lowest loss; None if there is none."""
        return best_baseline(self.measure, self.baselines, self.skill)

    @classmethod
    def of(cls, results: "Results") -> "Scores":
        """Those of metrics.json."""
        return cls(
            results.measure,
            results.test,
            results.baselines,
            results.tests.diebold_mariano,
            results.trials,
            results.training.seconds,
            results.model.step_us,
            results.baseline_settings,
        )


def show(console: Console, scores: Mapping[str, Scores]) -> None:
    """Print the table, its legend, and one verdict for each model."""
    console.print(scores_table(scores, console.width))
    first = next(iter(scores.values()))
    tested = (
        ""
        if first.best_baseline is None
        else f" DM, p: Diebold–Mariano against {first.best_baseline}; below 0 the model loses less."
    )
    console.print(
        f"All on the same rows; a lower {loss_name(first.measure)} is better.{tested}",
        highlight=False,
    )
    for line in settings_lines(first.settings):
        console.print(line, highlight=False, markup=False)
    for verdict in judge(scores).values():
        console.print(verdict.sentence, highlight=False, markup=False)


def settings_lines(settings: Mapping[str, str]) -> list[str]:
    """The chosen settings of the baselines, in one line; empty if unknown.

    >>> settings_lines({"linear": "the last 336 rows, penalty 1"})
    ['Baselines: linear (the last 336 rows, penalty 1).']
    """
    told = "; ".join(f"{SHORT.get(name, name)} ({text})" for name, text in settings.items() if text)
    return [f"Baselines: {told}."] if told else []


def scores_table(scores: Mapping[str, Scores], width: int = 80) -> Table:
    """Every model with the baselines; as many metrics as ``width`` columns hold, those that matter most first."""
    first = next(iter(scores.values()))
    everyone = [*first.baselines.values(), *(found.test for found in scores.values())]
    known = {first.measure: metric_of(first.measure).heading}
    known |= {
        key: metric_of(key).heading
        for key in RUN_COLUMNS.get(first.measure, ())
        if any(metrics.get(key) is not None for metrics in everyone)
    }
    ruler = Console(width=1000)
    for count in range(len(known), 1, -1):
        table = _table(scores, dict(list(known.items())[:count]))
        if ruler.measure(table).maximum <= width:
            return table
    return _table(scores, dict(list(known.items())[:1]))


def _table(scores: Mapping[str, Scores], metrics_shown: Mapping[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=0, show_edge=False, pad_edge=False)
    trained = any(found.seconds is not None for found in scores.values())
    first = next(iter(scores.values()))
    headings = ["", *metrics_shown.values(), "DM", "p", *["trained", "one step"] * trained]
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, metrics in first.baselines.items():
        table.add_row(
            SHORT.get(name, name), *(number(metrics.get(metric)) for metric in metrics_shown), style="dim"
        )
    for name, found in scores.items():
        skill = found.skill.get(first.best_baseline or "")
        table.add_row(
            name,
            *(number(found.test.get(metric)) for metric in metrics_shown),
            *(
                ("-", "-")
                if skill is None
                else (format_or_dash(skill.statistic, ".1f"), format_or_dash(skill.p_value, ".1e"))
            ),
            *[format_or_dash(found.seconds, ".0f", " s"), format_or_dash(found.step_us, ".0f", " µs")]
            * trained,
        )
    return table

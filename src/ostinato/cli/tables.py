"""Tables and sentences for people: every model beside the baselines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from ..runs.results import loss_name

if TYPE_CHECKING:
    from ..evaluation.verdict import Comparison
    from ..runs.results import Results, Skill

# what is shown of a target, by the measure of its tests: metric to heading
COLUMNS = {
    "log_loss": {"log_loss": "log-loss", "auc": "AUC", "brier": "Brier", "accuracy": "accuracy"},
    "pinball": {"pinball": "pinball", "crps": "CRPS", "mae": "MAE", "coverage_80": "in 80%"},
    "mse": {"mse": "MSE", "mae": "MAE", "mase": "MASE", "scaled_mse": "scaled MSE"},
}
SHORT = {"exponential_smoothing": "exp_smoothing", "constant_quantiles": "const_quantiles"}

Metrics = Mapping[str, float | None]


@dataclass(frozen=True)
class Scores:
    """What a model reached on the rows of a test part."""

    measure: str
    test: Metrics
    baselines: Mapping[str, Metrics]
    skill: Mapping[str, "Skill"]
    seconds: float | None = None  # of training
    step_us: float | None = None
    trials: int = 1  # configurations of which the model was chosen
    settings: Mapping[str, str] = field(default_factory=dict)  # of baselines, such as a window

    @property
    def rival(self) -> str | None:
        """The baseline with the lowest loss; None if there is none to compare with."""
        losses = {
            name: loss
            for name, metrics in self.baselines.items()
            if (loss := metrics.get(self.measure)) is not None and name in self.skill
        }
        return min(losses, key=losses.__getitem__) if losses else None

    @classmethod
    def of(cls, results: "Results") -> "Scores":
        """Those of metrics.json."""
        found = results.tests.diebold_mariano
        return cls(
            results.measure,
            results.test,
            results.baselines,
            found,
            results.training.seconds,
            results.model.step_us,
            settings=results.baseline_settings,
        )


def show(console: Console, scores: Mapping[str, Scores]) -> None:
    """The table, what its columns are, and a sentence for each model."""
    console.print(scores_table(scores, console.width))
    first = next(iter(scores.values()))
    rival = (
        ""
        if first.rival is None
        else f" DM, p: Diebold–Mariano against {first.rival}; below 0 the model loses less."
    )
    console.print(
        f"All on the same rows; a lower {loss_name(first.measure)} is better.{rival}",
        highlight=False,
    )
    for line in settings_lines(first.settings):
        console.print(line, highlight=False, markup=False)
    for sentence in words(scores):
        console.print(sentence, highlight=False)


def settings_lines(settings: Mapping[str, str]) -> list[str]:
    """What was chosen of the baselines, in one line; none where nothing is known.

    >>> settings_lines({"linear": "the last 336 rows, penalty 1"})
    ['Baselines: linear (the last 336 rows, penalty 1).']
    """
    told = "; ".join(f"{SHORT.get(name, name)} ({text})" for name, text in settings.items() if text)
    return [f"Baselines: {told}."] if told else []


def scores_table(scores: Mapping[str, Scores], width: int = 80) -> Table:
    """Every model beside the baselines; as many metrics as ``width`` columns hold, those that matter most first."""
    first = next(iter(scores.values()))
    everyone = [*first.baselines.values(), *(found.test for found in scores.values())]
    known = {
        metric: heading
        for metric, heading in COLUMNS.get(first.measure, {first.measure: first.measure}).items()
        if metric == first.measure or any(metrics.get(metric) is not None for metrics in everyone)
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
        skill = found.skill.get(first.rival or "")
        table.add_row(
            name,
            *(number(found.test.get(metric)) for metric in metrics_shown),
            *(("-", "-") if skill is None else (shown(skill.statistic, ".1f"), shown(skill.p_value, ".1e"))),
            *[shown(found.seconds, ".0f", " s"), shown(found.step_us, ".0f", " µs")] * trained,
        )
    return table


def number(value: float | None) -> str:
    """Four digits after the point, or four that count where there is nothing before them."""
    return shown(
        value, ".4g" if value is not None and (0 < abs(value) < 0.1 or abs(value) >= 1000) else ".4f"
    )


def shown(value: float | None, form: str, unit: str = "") -> str:
    """A number in a form, or a dash for what does not exist."""
    return "-" if value is None else f"{value:{form}}{unit}"


def words(scores: Mapping[str, Scores]) -> list[str]:
    """Whether anything beats the baselines, one sentence a model."""
    from ..evaluation.verdict import verdicts

    comparisons = {name: found for name, one in scores.items() if (found := _comparison(one)) is not None}
    said = verdicts(comparisons)
    return [said.get(name) or _no_verdict(name, one) for name, one in scores.items()]


def _comparison(scores: Scores) -> "Comparison | None":
    """With the strongest baseline; None where there is nothing to compare."""
    from ..evaluation.verdict import Comparison

    ours, best = scores.test.get(scores.measure), scores.rival
    if ours is None or best is None or _one_class(scores):
        return None
    loss = scores.baselines[best][scores.measure]
    assert loss is not None
    words = loss_name(scores.measure)
    return Comparison(ours, best, loss, scores.skill[best].p_value, words, scores.trials)


def _one_class(scores: Scores) -> bool:
    return scores.measure == "log_loss" and scores.test.get("auc") is None


def _no_verdict(name: str, scores: Scores) -> str:
    if scores.test.get(scores.measure) is None:
        return f"{name} cannot be judged: it has no {loss_name(scores.measure)}."
    if _one_class(scores):
        return f"{name} cannot be judged: of the rows that were scored, all rise or none does."
    return f"{name} cannot be judged: there is no baseline to hold it against."

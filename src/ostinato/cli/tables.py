"""Tables and sentences for people: every model beside the baselines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from ..evaluation.verdict import Comparison
    from ..runs.results import Results, Skill

METRICS = ("log_loss", "auc", "brier", "accuracy")
RIVAL = "sign_table"  # the columns DM and p are against it
LEGEND = (
    "All on the same trades; lower log-loss is better. DM, p: Diebold–Mariano against the sign table; "
    "below 0 the model loses less."
)

Metrics = Mapping[str, float | None]


@dataclass(frozen=True)
class Scores:
    """What a model reached on the rows of a test part."""

    test: Metrics
    baselines: Mapping[str, Metrics]
    skill: Mapping[str, "Skill"]
    seconds: float | None = None  # of training
    step_us: float | None = None

    @classmethod
    def of(cls, results: "Results") -> "Scores":
        """Those of metrics.json."""
        found = results.tests.diebold_mariano
        return cls(results.test, results.baselines, found, results.training.seconds, results.model.step_us)


def show(console: Console, scores: Mapping[str, Scores]) -> None:
    """The table, what its columns are, and a sentence for each model."""
    console.print(scores_table(scores))
    console.print(LEGEND, highlight=False)
    for sentence in words(scores):
        console.print(sentence, highlight=False)


def scores_table(scores: Mapping[str, Scores]) -> Table:
    """Every model beside the baselines; no wider than 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=0, show_edge=False, pad_edge=False)
    trained = any(found.seconds is not None for found in scores.values())
    headings = ["", "log-loss", "AUC", "Brier", "accuracy", "DM", "p", *["trained", "one step"] * trained]
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    first = next(iter(scores.values()))
    for name, metrics in first.baselines.items():
        table.add_row(name, *(number(metrics.get(metric)) for metric in METRICS), style="dim")
    for name, found in scores.items():
        skill = found.skill.get(RIVAL)
        table.add_row(
            name,
            *(number(found.test.get(metric)) for metric in METRICS),
            *(("-", "-") if skill is None else (shown(skill.statistic, ".1f"), shown(skill.p_value, ".1e"))),
            *[shown(found.seconds, ".0f", " s"), shown(found.step_us, ".0f", " µs")] * trained,
        )
    return table


def number(value: float | None) -> str:
    """Four digits, or a dash for what does not exist."""
    return shown(value, ".4f")


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

    ours = scores.test.get("log_loss")
    losses = {
        name: loss
        for name, metrics in scores.baselines.items()
        if (loss := metrics.get("log_loss")) is not None and name in scores.skill
    }
    if ours is None or not losses or scores.test.get("auc") is None:
        return None
    best = min(losses, key=losses.__getitem__)
    return Comparison(ours, best, losses[best], scores.skill[best].p_value)


def _no_verdict(name: str, scores: Scores) -> str:
    if scores.test.get("log_loss") is None:
        return f"{name} cannot be judged: it has no log-loss."
    if scores.test.get("auc") is None:
        return f"{name} cannot be judged: of the trades that were scored, all rise or none does."
    return f"{name} cannot be judged: there is no baseline to hold it against."

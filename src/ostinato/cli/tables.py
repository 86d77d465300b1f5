"""Tables for people."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from ..runs.results import Results

METRICS = ("log_loss", "auc", "brier", "accuracy")


def results_table(results: Mapping[str, "Results"]) -> Table:
    """Every model beside the baselines, on the rows of the test part."""
    # as narrow as a terminal of 80 columns
    table = Table(
        box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), show_edge=False, pad_edge=False
    )
    headings = ("", "log-loss", "AUC", "Brier", "accuracy", "p vs table", "trained", "one step")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    first = next(iter(results.values()))
    for name, metrics in first.baselines.items():
        table.add_row(name, *(number(metrics.get(metric)) for metric in METRICS), "", "", "", style="dim")
    for name, found in results.items():
        skill = found.tests.diebold_mariano.get("sign_table")
        table.add_row(
            name,
            *(number(found.test.get(metric)) for metric in METRICS),
            "" if skill is None or skill.p_value is None else f"{skill.p_value:.1e}",
            f"{found.training.seconds:.0f} s",
            "" if found.model.step_us is None else f"{found.model.step_us:.0f} µs",
        )
    return table


def number(value: float | None) -> str:
    """Four digits, or a dash for what does not exist."""
    return "-" if value is None else f"{value:.4f}"


def words(results: Mapping[str, "Results"]) -> list[str]:
    """Whether anything beats the baselines, one sentence a model."""
    from ..evaluation.verdict import Comparison, verdicts

    comparisons = {}
    for name, found in results.items():
        losses = {rival: metrics["log_loss"] for rival, metrics in found.baselines.items()}
        best = min(losses, key=lambda rival: losses[rival] or 0.0)
        skill = found.tests.diebold_mariano[best]
        comparisons[name] = Comparison(
            found.test["log_loss"] or 0.0, best, losses[best] or 0.0, skill.p_value
        )
    return list(verdicts(comparisons).values())

"""One result has one verdict: in the terminal, on pages, in comparisons, searches and live.

Each case is made of rows, from which both the offline metrics and the live scores follow.
"""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from rich.console import Console

from ostinato.cli.ranking import show_comparison
from ostinato.cli.tables import Scores, show
from ostinato.dashboard.tables import verdict as live_verdict
from ostinato.evaluation import diebold_mariano, direction_rows, judge, log_losses, scores_of
from ostinato.evaluation.diebold_mariano import FEWEST_ROWS
from ostinato.evaluation.online import OnlineDirection
from ostinato.experiment.promotion import verdict_fields
from ostinato.report import write_report
from ostinato.report.comparison import summary_of
from ostinato.runs.comparison import ComparedBaseline, ComparedModel, Comparison
from ostinato.runs.folder import RunFolder
from ostinato.runs.results import ModelFacts, Results, SkillTest, SkillTests, TrainingFacts, write_results
from report.test_pages import text_of

BASELINES = ("base_rate", "sign_table")


@dataclass(frozen=True)
class Rows:
    """Probabilities of up of the model (N,) and of each baseline (B, N), and what happened (N,)."""

    p: np.ndarray
    baselines: np.ndarray
    up: np.ndarray


def drawn(case: str) -> Rows:
    """Rows of a case; the sign table is the better baseline but where it is the same."""
    draw = np.random.default_rng(5)
    count = FEWEST_ROWS - 1 if case == "few rows" else 4000
    chance = draw.uniform(0.05, 0.95, count)
    up = (draw.uniform(size=count) < chance).astype(float)
    weak = np.full(count, 0.5)
    vague = 0.5 + 0.3 * (chance - 0.5)
    p, table = {"worse": (vague, chance), "no better": (vague, vague)}.get(case, (chance, vague))
    if case == "no better":
        p = np.clip(p + draw.choice([-0.01, 0.01], count), 0, 1)
    if case == "one class":
        up = np.zeros(count)
    return Rows(p, np.stack([weak, table]), up)


def metrics_of(p: np.ndarray, up: np.ndarray) -> dict[str, float]:
    return {name: float(np.mean(rows)) for name, rows in direction_rows(p, up).items()}


def results_of(case: str) -> Results:
    rows = drawn(case)
    losses = log_losses(rows.p, rows.up)
    skill = {}
    for name, p in zip(BASELINES, rows.baselines, strict=True):
        if len(rows.up) < FEWEST_ROWS:
            skill[name] = SkillTest(statistic=None, p_value=None)
            continue
        test = diebold_mariano(losses, log_losses(p, rows.up))
        skill[name] = SkillTest(statistic=test.statistic, p_value=test.p_value)
    baselines = dict(zip(BASELINES, (metrics_of(p, rows.up) for p in rows.baselines), strict=True))
    test = metrics_of(rows.p, rows.up) | ({"log_loss": None} if case == "no metric" else {})
    return Results(
        test=test,
        validation={},
        baselines={} if case == "no baseline" else baselines,
        tests=SkillTests(diebold_mariano={} if case in ("no baseline", "no test") else skill),
        training=TrainingFacts(seconds=1.0, epochs=1, stopped="early"),
        model=ModelFacts(parameters=1),
    )


def compared(results: Results) -> Comparison:
    """As compare writes it of one model."""
    found = judge({"lstm": scores_of(results)})["lstm"]
    return Comparison(
        created="2026-01-31T12:00:00+00:00",
        target="direction",
        horizon=1,
        measure="log_loss",
        loss_name="log-loss",
        rows_scored=100,
        best_baseline=found.best_baseline or "",
        compared=int(found.corrected_p is not None),
        models={
            "lstm": ComparedModel(
                test=results.test,
                skill=results.tests.diebold_mariano,
                corrected_p=found.corrected_p,
                verdict=found.sentence,
            )
        },
        baselines={name: ComparedBaseline(test=metrics) for name, metrics in results.baselines.items()},
    )


def live_of(case: str) -> dict[str, str]:
    """What the dashboard, its terminal and the end of a live run say."""
    rows = drawn(case)
    names = () if case in ("no baseline", "no test") else BASELINES
    online = OnlineDirection(names)
    theirs = rows.baselines[: len(names)]
    losses = np.stack([log_losses(p, rows.up) for p in (rows.p, *theirs)], axis=1)
    if case != "no metric":  # a row without a loss does not count
        online.add_many(rows.p, rows.up, losses, theirs.T)
    return live_verdict(online.summary(), "log_loss")


def printed(function, *arguments) -> str:
    console = Console(width=500, file=io.StringIO(), record=True)
    function(console, *arguments)
    return console.export_text()


CASES = {
    "better": (
        "better",
        "lstm beats the sign table, the best baseline",
        "is better than the base rate and the sign",
    ),
    "worse": ("worse", "lstm is worse than the sign table", "is worse than the sign table"),
    "no better": (
        "no better",
        "lstm is no better than the sign table",
        "is no better than the sign table so far",
    ),
    "no metric": (
        "cannot be judged",
        "lstm cannot be judged: it has no log-loss",
        "No forecast has been scored yet",
    ),
    "no baseline": (
        "cannot be judged",
        "there is no baseline to compare with",
        "no baseline to compare with",
    ),
    "no test": ("cannot be judged", "there is no baseline to compare with", "no baseline to compare with"),
    "one class": (
        "cannot be judged",
        "all rows that were scored are of one",
        "all rows that were scored are of one",
    ),
    "few rows": (
        "not tested",
        "lstm cannot be told from the sign table",
        "cannot be told from the base rate and",
    ),
}
CELLS = {
    "better": "model is better",
    "worse": "model is worse",
    "no better": "cannot be told apart",
    "not tested": "not tested",
    "cannot be judged": "cannot be judged",
}


@pytest.mark.parametrize("case", CASES)
def test_one_result_has_one_verdict(make, case):
    outcome, words, live_words = CASES[case]
    results = results_of(case)
    found = judge({"lstm": scores_of(results)})["lstm"]
    assert found.outcome == outcome
    assert words in found.sentence
    # the terminal, after fit and evaluate
    assert printed(show, {"lstm": Scores.of(results)}).splitlines()[-1] == found.sentence
    # the page of a run: its head, and the cell of the best baseline
    run = make.run("run", measure="log_loss", data={"target": "direction"})
    write_results(RunFolder(run).metrics, results)
    page = text_of(write_report(run))
    assert found.sentence in page
    if results.baselines:
        assert CELLS[outcome] in page
    if outcome == "cannot be judged":
        assert not any(CELLS[wrong] in page for wrong in ("better", "worse"))  # against no baseline
    # the search
    assert verdict_fields("lstm", results)["verdict"] == found.sentence
    # the comparison, in the terminal and on its page
    comparison = compared(results)
    assert printed(show_comparison, comparison).splitlines()[-1] == found.sentence
    path = make.comparison(**{name: getattr(comparison, name) for name in Comparison.model_fields})
    said = text_of(write_report(path))
    assert found.sentence in said
    assert CELLS[outcome] in said
    sentence, tone = summary_of(comparison)
    assert (tone == "better", "lstm beats" in sentence) == (found.better, found.better)
    # live
    live = live_of(case)
    assert live_words in live["words"]
    assert live["tone"] == found.tone

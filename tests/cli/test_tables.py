"""Tables and sentences: narrow enough, and true."""

from dataclasses import replace

from rich.console import Console

from ostinato.cli.tables import Scores, scores_table, show
from ostinato.runs.results import Results, SkillTest

METRICS = {"log_loss": 0.5812, "auc": 0.7, "brier": 0.2, "accuracy": 0.68}
WORST = SkillTest(statistic=-1234.5, p_value=1e-300)
SCORES = Scores(
    "log_loss",
    METRICS,
    {"base_rate": METRICS | {"log_loss": 0.65}, "sign_table": METRICS | {"log_loss": 0.6}},
    {"base_rate": WORST, "sign_table": WORST},
    seconds=12_345.0,
    step_us=123_456.0,
)


def printed(scores):
    console = Console(width=80, record=True)
    console.print(scores_table(scores))
    return console.export_text()


def test_the_table_fits_80_columns():
    text = printed({"lstm": SCORES})
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    for whole in ("-1234.5", "1.0e-300", "12345 s", "123456 µs", "0.5812", "sign_table", "accuracy"):
        assert whole in text
    assert "…" not in text


def test_a_model_that_is_far_worse_does_not_look_good():
    worse = replace(SCORES, skill={"sign_table": SkillTest(statistic=31.4, p_value=1e-100)})
    assert " 31.4 1.0e-100" in printed({"lstm": worse})


def test_what_was_not_trained_here_has_no_such_columns():
    text = printed({"lstm": replace(SCORES, seconds=None, step_us=None)})
    assert "trained" not in text
    assert "one step" not in text


def test_what_the_columns_mean_is_said():
    console = Console(width=200, record=True)
    show(console, {"lstm": SCORES})
    assert "below 0 the model loses less" in console.export_text()


def test_what_was_chosen_of_baselines_is_said():
    for settings, said in (({"sign_table": "the last 4 signs", "base_rate": ""}, True), ({}, False)):
        console = Console(width=200, record=True)
        show(console, {"lstm": replace(SCORES, settings=settings)})
        assert ("Baselines: sign_table (the last 4 signs)." in console.export_text()) is said


def test_the_verdict_stands_below_the_table():
    console = Console(width=200, record=True)
    show(console, {"lstm": SCORES, "[red]gru": replace(SCORES, test=METRICS | {"log_loss": None})})
    lines = console.export_text().splitlines()
    assert lines[-2].startswith("lstm beats the sign table, the best baseline, at the 1 % level")
    assert lines[-1] == "[red]gru cannot be judged: it has no log-loss."


def test_a_baseline_without_a_loss_is_not_the_best_one():
    baselines = SCORES.baselines | {"sign_table": METRICS | {"log_loss": None}}
    assert replace(SCORES, baselines=baselines).best_baseline == "base_rate"


def test_scores_of_a_run_count_its_trials():
    found = Scores.of(
        Results(
            test=METRICS,
            validation={},
            training={"seconds": 1.0, "epochs": 1, "stopped": "early"},
            model={"parameters": 1},
            trials=30,
        )
    )
    assert (found.trials, found.seconds, found.step_us) == (30, 1.0, None)

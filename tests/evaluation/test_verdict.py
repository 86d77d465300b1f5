"""Which baseline is the best, whether a model is better than it, what is said of it, and how p is corrected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from ostinato.errors import ConfigError
from ostinato.evaluation.verdict import (
    ModelScores,
    Outcome,
    baseline_label,
    best_baseline,
    holm,
    judge,
    outcome_of,
    recorded,
    tone_of,
)
from ostinato.runs.comparison import ComparedBaseline, ComparedModel, Comparison
from ostinato.runs.results import SkillTest


def scores(loss, baseline_loss, p, *, baseline="sign_table", measure="log_loss", trials=1, **further):
    """A model beside one baseline."""
    return ModelScores(
        measure,
        {measure: loss, **further},
        {baseline: {measure: baseline_loss}},
        {baseline: SkillTest(statistic=None, p_value=p)},
        trials,
    )


def verdict(*arguments, **options):
    return judge({"lstm": scores(*arguments, **options)})["lstm"]


CHANCE = "is no better than the sign table at the 1 % level: the difference could be chance"
SENTENCES = [
    ((0.5, 0.6, 0.001), "better", "beats the sign table, the best baseline, at the 1 % level"),
    ((0.6, 0.5, 0.001), "worse", "is worse than the sign table at the 1 % level"),
    (
        (0.5, 0.6, 0.2),
        "no better",
        "is no better than the sign table at the 1 % level: the difference could be chance",
    ),
    (
        (0.6, 0.5, 0.2),
        "no better",
        "is no better than the sign table at the 1 % level: the difference could be chance",
    ),
    (
        (0.5, 0.5, 0.001),
        "no better",
        "is no better than the sign table at the 1 % level: the difference could be chance",
    ),
    ((0.5, 0.6, None), "not tested", "cannot be told from the sign table: the test gives no p"),
]


@pytest.mark.parametrize(("numbers", "outcome", "words"), SENTENCES)
def test_a_sentence_for_each_case(numbers, outcome, words):
    loss, baseline_loss, p = numbers
    found = verdict(*numbers)
    rest = "" if p is None else f", p = {p}"
    assert found.sentence == f"lstm {words} (log-loss {loss:.4f} against {baseline_loss:.4f}{rest})."
    assert (found.outcome, found.better) == (outcome, outcome == "better")
    assert (found.best_baseline, found.p_value, found.corrected_p) == ("sign_table", p, p)
    assert (
        found.tone == tone_of(Outcome(outcome)) == (outcome if outcome in ("better", "worse") else "neither")
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"test": {"log_loss": None}}, "it has no log-loss"),
        ({"test": {}}, "it has no log-loss"),
        ({"test": {"log_loss": 0.5, "auc": None}}, "all rows that were scored are of one class"),
        ({"baselines": {}}, "there is no baseline to compare with"),
        ({"baselines": {"naive": {"log_loss": None}}}, "there is no baseline to compare with"),
        ({"skill": {}}, "there is no baseline to compare with"),
    ],
)
def test_nothing_is_made_of_a_number_that_is_missing(changes, reason):
    usual = vars(scores(0.5, 0.6, 0.001, baseline="naive"))
    found = judge({"lstm": ModelScores(**usual | changes)})["lstm"]
    assert found.sentence == f"lstm cannot be judged: {reason}."
    assert (found.outcome, found.tone, found.corrected_p) == (Outcome.UNJUDGED, "neither", None)


def test_the_best_baseline_has_the_lowest_loss_and_a_test():
    metrics = {"a": {"mse": 0.3}, "b": {"mse": 0.2}, "c": {"mse": None}, "d": {"mse": 0.1}, "e": {"mse": 0.2}}
    assert best_baseline("mse", metrics, "abce") == "b"
    assert best_baseline("mse", metrics, "abcde") == "d"
    assert best_baseline("mse", metrics, "c") is None


@pytest.mark.parametrize(
    ("baseline", "words"),
    [
        ("naive", "is no better than naive at the 1 % level"),
        ("seasonal_naive", "is no better than seasonal naive at"),
        ("linear", "is no better than linear regression at"),
        ("ewma_quantiles", "is no better than the EWMA quantiles at"),
        ("constant_quantiles", "is no better than the constant quantiles at"),
    ],
)
def test_baselines_have_their_names_in_a_sentence(baseline, words):
    assert words in verdict(0.5, 0.5, 0.7, baseline=baseline).sentence
    assert f"than {baseline_label(baseline)} at" in words.replace("the ", "", 1).replace("at the", "at")


def test_the_loss_has_its_name_and_digits_that_say_something():
    said = verdict(0.000182264, 0.00019, 0.001, measure="pinball").sentence
    assert said.endswith("(pinball loss 0.0001823 against 0.00019, p = 0.001).")
    said = verdict(51.25, 60.0, 0.001, measure="mse").sentence
    assert "(squared error 51.2500 against 60.0000, p = 0.001)" in said
    assert (
        "(top 5 0.2000 against" in verdict(0.2, 0.3, 0.001, measure="top_5").sentence
    )  # nobody knows it here


def test_several_are_corrected_and_say_so():
    found = judge({"cnn": scores(0.5, 0.6, 0.006), "lstm": scores(0.4, 0.6, 0.001)})
    assert "corrected p = 0.006" in found["cnn"].sentence
    assert "corrected p = 0.002" in found["lstm"].sentence
    assert (found["lstm"].p_value, found["lstm"].corrected_p) == (0.001, 0.002)
    assert "corrected" not in verdict(0.5, 0.6, 0.006).sentence


def test_the_corrected_p_decides():
    found = judge({name: scores(0.5, 0.6, 0.006) for name in ("cnn", "lstm")})
    assert [one.outcome for one in found.values()] == ["no better", "no better"]
    assert verdict(0.5, 0.6, 0.006).better


def test_trials_are_counted_and_said():
    found = verdict(0.5, 0.6, 0.001, baseline="naive", trials=30)
    assert found.sentence.startswith("lstm is no better than naive")
    assert "corrected p for 30 trials = 0.03)" in found.sentence
    assert found.corrected_p == pytest.approx(0.03)


def test_a_comparison_without_p_does_not_correct_the_others():
    assert judge({"cnn": scores(0.5, 0.6, None), "lstm": scores(0.4, 0.6, 0.008)})["lstm"].better


def test_a_recorded_comparison_is_read_by_the_same_rule():
    usual = {"skill": {"naive": SkillTest(statistic=-3.0, p_value=0.001)}, "verdict": "As it was said."}
    models = {
        "better": ComparedModel(test={"log_loss": 0.5, "auc": 0.6}, corrected_p=0.003, **usual),
        "worse": ComparedModel(test={"log_loss": 0.7, "auc": 0.6}, corrected_p=0.003, **usual),
        "chance": ComparedModel(test={"log_loss": 0.5, "auc": 0.6}, corrected_p=0.03, **usual),
        "untested": ComparedModel(test={"log_loss": 0.5}, **usual),
        "one class": ComparedModel(test={"log_loss": 0.5, "auc": None}, corrected_p=0.003, **usual),
        "failed": ComparedModel(failed="the loss became NaN."),
        "silent": ComparedModel(test={"log_loss": 0.5}),
    }
    found = recorded(
        Comparison(
            created="2026-01-31T12:00:00+00:00",
            target="direction",
            horizon=1,
            measure="log_loss",
            loss_name="log-loss",
            rows_scored=100,
            best_baseline="naive",
            compared=5,
            models=models,
            baselines={"naive": ComparedBaseline(test={"log_loss": 0.6})},
        )
    )
    assert {name: str(one.outcome) for name, one in found.items()} == {
        "better": "better",
        "worse": "worse",
        "chance": "no better",
        "untested": "not tested",
        "one class": "cannot be judged",
        "failed": "cannot be judged",
        "silent": "not tested",
    }
    assert found["better"].sentence == "As it was said."
    assert (found["better"].p_value, found["better"].corrected_p) == (0.001, 0.003)
    assert found["failed"].sentence == "failed failed: the loss became NaN."
    assert found["silent"].sentence == "silent has no verdict."


@given(*[st.one_of(st.none(), st.floats(-10, 10))] * 2, st.one_of(st.none(), st.floats(0, 1)))
@settings(max_examples=200, deadline=None)
def test_changing_places_turns_better_into_worse(loss, baseline_loss, p):
    turned = {Outcome.BETTER: Outcome.WORSE, Outcome.WORSE: Outcome.BETTER}
    found = outcome_of(loss, baseline_loss, p)
    assert outcome_of(baseline_loss, loss, p) is turned.get(found, found)
    assert (found in turned) is (None not in (loss, baseline_loss, p) and p < 0.01 and loss != baseline_loss)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_holm_is_that_of_statsmodels(p_values):
    named = {str(i): p for i, p in enumerate(p_values)}
    ours = holm(named)
    np.testing.assert_allclose([ours[name] for name in named], multipletests(p_values, method="holm")[1])


def test_trials_keep_the_rate_of_false_finds():
    """The best of 20 worthless configurations, of 3 models: all is well if one in twenty seems to have skill."""
    draw = np.random.default_rng(0)
    found = {False: 0, True: 0}
    for _ in range(2000):
        best = {name: float(np.min(draw.random(20))) for name in "abc"}
        for corrected in found:
            p = holm(best, dict.fromkeys("abc", 20) if corrected else None)
            found[corrected] += min(p.values()) < 0.05
    assert found[True] / 2000 == pytest.approx(0.05, abs=0.015)
    assert found[False] / 2000 > 0.5


def test_trials_have_a_bound():
    with pytest.raises(ConfigError, match="trials of a must be at least 1, got 0"):
        holm({"a": 0.1}, {"a": 0})

"""What a comparison says, and how it is corrected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from ostinato.errors import ConfigError
from ostinato.evaluation.verdict import Comparison, holm, verdicts

SENTENCES = [
    ((0.5, 0.6, 0.001), "beats the sign table, the best baseline, at the 1 % level"),
    ((0.6, 0.5, 0.001), "is worse than the sign table at the 1 % level"),
    ((0.5, 0.6, 0.2), "is no better than the sign table at the 1 % level: the difference could be chance"),
    ((0.6, 0.5, 0.2), "is no better than the sign table at the 1 % level: the difference could be chance"),
    ((0.5, 0.6, None), "cannot be told from the sign table: the test gives no p"),
]


@pytest.mark.parametrize(("numbers", "words"), SENTENCES)
def test_a_sentence_for_each_case(numbers, words):
    loss, rival, p = numbers
    said = verdicts({"lstm": Comparison(loss, "sign_table", rival, p)})["lstm"]
    rest = "" if p is None else f", p = {p}"
    assert said == f"lstm {words} (log-loss {loss:.4f} against {rival:.4f}{rest})."


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
    assert words in verdicts({"gru": Comparison(0.5, baseline, 0.5, 0.7)})["gru"]


def test_the_loss_has_its_name_and_digits_that_say_something():
    said = verdicts({"gru": Comparison(0.000182264, "naive", 0.00019, 0.001, "pinball loss")})["gru"]
    assert said.endswith("(pinball loss 0.0001823 against 0.00019, p = 0.001).")
    said = verdicts({"gru": Comparison(51.25, "naive", 60.0, 0.001, "MSE")})["gru"]
    assert "(MSE 51.2500 against 60.0000, p = 0.001)" in said


def test_several_are_corrected_and_say_so():
    said = verdicts(
        {
            "cnn": Comparison(0.5, "sign_table", 0.6, 0.006),
            "lstm": Comparison(0.4, "sign_table", 0.6, 0.001),
        }
    )
    assert "corrected p = 0.006" in said["cnn"]
    assert "corrected p = 0.002" in said["lstm"]
    one = verdicts({"cnn": Comparison(0.5, "sign_table", 0.6, 0.006)})["cnn"]
    assert "corrected" not in one


def test_trials_are_counted_and_said():
    said = verdicts({"lstm": Comparison(0.5, "naive", 0.6, 0.001, trials=30)})["lstm"]
    assert said.startswith("lstm is no better than naive")
    assert "corrected p for 30 trials = 0.03)" in said


def test_a_comparison_without_p_does_not_correct_the_others():
    said = verdicts(
        {"cnn": Comparison(0.5, "sign_table", 0.6, None), "lstm": Comparison(0.4, "sign_table", 0.6, 0.008)}
    )
    assert "beats" in said["lstm"]


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

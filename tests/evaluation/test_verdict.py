"""What a comparison says."""

import pytest

from ostinato.evaluation.verdict import Comparison, verdicts

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


def test_a_comparison_without_p_does_not_correct_the_others():
    said = verdicts(
        {"cnn": Comparison(0.5, "sign_table", 0.6, None), "lstm": Comparison(0.4, "sign_table", 0.6, 0.008)}
    )
    assert "beats" in said["lstm"]

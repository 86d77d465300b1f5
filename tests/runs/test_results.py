"""metrics.json: its exact shape, and what does not fit it."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from ostinato.errors import BrokenRunError
from ostinato.runs import Results, SkillTest, read_results, write_results


@pytest.fixture
def path(tmp_path, results):
    write_results(tmp_path / "metrics.json", results)
    return tmp_path / "metrics.json"


def test_the_shape_of_the_file(path):
    assert json.loads(path.read_text()) == {
        "measure": "log_loss",
        "test": {"log_loss": 0.6, "auc": None},
        "validation": {"log_loss": 0.59},
        "baselines": {"base_rate": {"log_loss": 0.628}},
        "tests": {"diebold_mariano": {"base_rate": {"statistic": -3.5, "p_value": 0.0005}}},
        "training": {"seconds": 12.5, "epochs": 3, "stopped": "no better for 2 epochs"},
        "model": {"parameters": 1234, "step_us": 9.5},
        "parts": {"test": {"rows": 5, "first": 1.5, "last": 9.0}},
        "trials": 1,
    }


def test_round_trip(path, results):
    assert read_results(path) == results


def test_numpy_numbers_and_infinity_are_taken(results):
    assert SkillTest(statistic=-np.inf, p_value=np.float64(0)) == SkillTest(statistic=None, p_value=0.0)
    assert Results(**(dict(results) | {"test": {"auc": np.float32(0.5), "n": 3}})).test == {
        "auc": 0.5,
        "n": 3,
    }


def test_a_test_or_a_time_may_not_exist(path, results):
    undefined = SkillTest(statistic=np.nan, p_value=np.nan)
    fields = {"tests": {"diebold_mariano": {"x": undefined}}, "model": {"parameters": 3, "step_us": np.nan}}
    partial = Results(**(dict(results) | fields))
    write_results(path, partial)
    assert read_results(path) == partial
    assert partial.model.step_us is partial.tests.diebold_mariano["x"].p_value is None


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("test", {"auc": "high"}, "the field test.auc cannot be 'high': input should be a valid number"),
        ("test", {"auc": True}, "the field test.auc cannot be True"),
        ("tests", {"t": {}}, "the field tests.t = {} is unknown"),
        (
            "tests",
            {"diebold_mariano": {"x": {"statistic": 1.0, "p_value": 1.5}}},
            "the field tests.diebold_mariano.x.p_value cannot be 1.5",
        ),
        (
            "training",
            {"seconds": -1.0, "epochs": 1, "stopped": "x"},
            "the field training.seconds cannot be -1.0",
        ),
        (
            "training",
            {"seconds": 1.0, "epochs": 1.5, "stopped": "x"},
            "the field training.epochs cannot be 1.5",
        ),
        ("model", {}, "the field model.parameters is missing"),
        ("extra", 1, "the field extra = 1 is unknown"),
    ],
)
def test_what_does_not_fit_is_named(path, part, value, words):
    path.write_text(json.dumps(json.loads(path.read_text()) | {part: value}))
    with pytest.raises(BrokenRunError, match=f"metrics.json: {words}"):
        read_results(path)


def test_no_table_at_all(path):
    path.write_text("3")
    with pytest.raises(BrokenRunError, match=r"metrics.json: the whole cannot be 3"):
        read_results(path)


def test_results_cannot_be_changed(results):
    with pytest.raises(ValidationError, match="frozen"):
        results.test = {}

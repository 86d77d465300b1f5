"""compare.json: what goes in comes out, and what does not fit is refused in a sentence."""

import json
import math

import pytest

from ostinato.errors import BrokenRunError
from ostinato.runs.comparison import ComparedModel, Comparison, read_comparison, write_comparison
from ostinato.runs.results import SkillTest

MODEL = ComparedModel(
    parameters=10,
    seconds=1.5,
    test={"pinball": 0.3, "auc": math.nan},
    intervals={"pinball": [0.2, 0.4], "auc": [math.nan, math.inf]},
    skill={"naive": SkillTest(statistic=-2.0, p_value=0.04)},
    corrected_p=0.08,
    runs=["runs/lstm"],
    verdict="lstm is no better than naive.",
)


def comparison(**changes):
    usual = {
        "created": "2026-01-31T12:00:00+00:00",
        "target": "return",
        "horizon": 24,
        "measure": "pinball",
        "loss_name": "pinball loss",
        "rows_scored": 100,
        "best_baseline": "naive",
        "compared": 1,
        "models": {"lstm": MODEL, "gru": ComparedModel(failed="the loss became NaN")},
    }
    return Comparison(**(usual | changes))


def test_what_is_written_is_read(tmp_path):
    write_comparison(tmp_path / "compare.json", comparison())
    found = read_comparison(tmp_path / "compare.json")
    assert found == comparison()
    assert found.models["lstm"].test == {"pinball": 0.3, "auc": None}
    assert found.models["lstm"].intervals["auc"] == [None, None]


@pytest.mark.parametrize(
    "path", ["../x", "/etc", "a/../../b", "javascript:alert(1)", "a\\b", "", "a\nb", "c:x"]
)
def test_a_run_lies_within_the_folder(path, tmp_path):
    value = comparison().model_dump()
    value["models"]["lstm"]["runs"] = [path]
    (tmp_path / "compare.json").write_text(json.dumps(value))
    with pytest.raises(BrokenRunError, match=r"models\.lstm\.runs\.0"):
        read_comparison(tmp_path / "compare.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format_version": 2}, "newer ostinato"),
        ({"format_version": "1"}, "format_version cannot be"),
        ({"horizon": 0}, "horizon cannot be 0"),
        ({"window": "sliding"}, "window"),
        ({"models": {"a": {"intervals": {"b": [1.0]}}}}, "intervals"),
        ({"stranger": 1}, "stranger = 1 is unknown"),
    ],
)
def test_what_does_not_fit_is_refused(change, said, tmp_path):
    (tmp_path / "compare.json").write_text(json.dumps(comparison().model_dump() | change))
    with pytest.raises(BrokenRunError, match=said):
        read_comparison(tmp_path / "compare.json")

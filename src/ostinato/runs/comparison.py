"""compare.json: several models and every baseline on the same rows, in one table.

A folder that holds one also holds a run folder for each model and fold, named in ``ComparedModel.runs``.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from .format import TaskName, Time
from .reading import read_json
from .results import Metric, Metrics, NotNegative, PartFacts, Share, SkillTest
from .schema import STRICT, Line, Name, validated
from .writing import plain, write_json

COMPARISON = "compare.json"
COMPARISON_VERSION = 1


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if (
        not path.isprintable()
        or not parts
        or path.startswith("/")
        or ".." in parts
        or re.search(r"[\\:]", path)
    ):
        raise ValueError("the path of a folder within this one is expected, such as runs/lstm")
    return path


Interval = Annotated[
    list[Metric], Field(min_length=2, max_length=2)
]  # low and high; null where there is none
Intervals = Annotated[dict[Name, Interval], Field(max_length=1000)]
RunPath = Annotated[Name, AfterValidator(_inside)]


class ComparedBaseline(BaseModel):
    """Metrics of a baseline."""

    model_config = STRICT

    test: Metrics = {}
    intervals: Intervals = {}  # of the metrics of `test`, 95 %
    settings: Line = ""  # what was chosen of a baseline, such as its window, in words


class ComparedModel(ComparedBaseline):
    """Metrics of a model on all folds together; none where it ``failed``."""

    parameters: int | None = Field(default=None, ge=0)
    seconds: Annotated[NotNegative | None, BeforeValidator(plain)] = None  # of training, all folds together
    step_us: Annotated[NotNegative | None, BeforeValidator(plain)] = None  # µs for one live step
    skill: dict[Name, SkillTest] = Field(default={}, max_length=1000)  # against each baseline
    corrected_p: Annotated[Share | None, BeforeValidator(plain)] = None  # against the best one
    runs: list[RunPath] = Field(
        default=[], max_length=1000
    )  # folders within that of the comparison, one a fold
    verdict: Line = ""  # whether it beats the best baseline, in a sentence
    failed: Line | None = None  # why there is nothing to show


class Comparison(BaseModel):
    """Contents of compare.json. NaN and infinity given to a metric become null."""

    model_config = STRICT

    format_version: int = Field(default=COMPARISON_VERSION, ge=1, le=COMPARISON_VERSION)
    task: TaskName = "forecast"
    created: Time  # ISO 8601 in UTC, as `utc_now` writes it
    source: Line = ""
    read: list[Line] = Field(default=[], max_length=200)  # what was read and what was guessed, for a person
    target: Line
    horizon: int = Field(ge=1)  # rows ahead; the last of several
    measure: Name  # the metric that is the mean of the tested losses
    loss_name: Name  # the same in words
    folds: int = Field(default=1, ge=1)
    window: Literal["expanding", "rolling"] = "expanding"  # of the train part, from fold to fold
    parts: dict[Name, PartFacts] = {}  # train, validation and test; of several folds, the last one's
    rows_scored: int = Field(ge=0)
    best_baseline: Line = ""  # the one with the lowest measure; empty where there is none
    compared: int = Field(ge=0)  # p-values that the correction counts
    models: dict[Name, ComparedModel] = Field(max_length=1000)
    baselines: dict[Name, ComparedBaseline] = Field(default={}, max_length=1000)


def read_comparison(path: Path | str) -> Comparison:
    """compare.json.

    Raises:
        BrokenRunError: the file is missing, hostile, not such a table, or from a newer ostinato.
        RunError: the system does not let us read it.
    """
    return validated(Comparison, read_json(path), str(path))


def write_comparison(path: Path | str, comparison: Comparison) -> None:
    """Replace compare.json. Raises RunError."""
    write_json(path, comparison.model_dump())

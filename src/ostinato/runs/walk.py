"""folds.json: metrics of a walk-forward evaluation, by fold and on all folds together.

The folder itself is the run of the last fold; ``folds/1``, ``folds/2`` ... beside this file are the earlier ones.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from .comparison import ComparedBaseline
from .format import Time
from .reading import read_json
from .results import Metrics, PartFacts, SkillTests
from .schema import STRICT, Name, validated
from .writing import write_json


class WalkedFold(BaseModel):
    """One fold, on its own test rows."""

    model_config = STRICT

    parts: dict[Name, PartFacts]  # train, validation and test
    test: Metrics
    baselines: dict[Name, Metrics]


class WalkForward(ComparedBaseline):
    """Contents of folds.json. ``test``, ``intervals``, ``baselines`` and ``tests`` are on the rows of all folds."""

    format_version: int = Field(default=1, ge=1, le=1)
    created: Time
    measure: Name  # the metric that is the mean of the tested losses
    window: Literal["expanding", "rolling"]
    rows_scored: int = Field(ge=0)
    folds: list[WalkedFold] = Field(min_length=1, max_length=1000)  # the earliest first
    baselines: dict[Name, ComparedBaseline]
    tests: SkillTests


def read_walk(path: Path | str) -> WalkForward:
    """folds.json.

    Raises:
        BrokenRunError: the file is missing, hostile or not such a table.
        RunError: the system does not let us read it.
    """
    return validated(WalkForward, read_json(path), str(path))


def write_walk(path: Path | str, walk: WalkForward) -> None:
    """Replace folds.json. Raises RunError."""
    write_json(path, walk.model_dump())

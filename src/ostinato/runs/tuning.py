"""tune.json: settings, trials and result of a search, and how often the test part was used.

The folder that holds it also holds study.journal (every trial, in Optuna's own format), trials/NNN (a run folder of
each trial, without results) and best (the run of the best trial, judged).
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, JsonValue

from .comparison import RunPath
from .format import TaskName, Time
from .reading import read_json
from .results import Metric, NotNegative, Share
from .schema import STRICT, Line, Name, validated
from .writing import plain, write_json

TUNING = "tune.json"
TUNING_VERSION = 1
MOST_TRIALS = 10_000
MOST_SHOWN = 300  # trials in tune.json; the journal has them all

State = Literal["complete", "pruned", "failed"]
Fields = Annotated[dict[Name, JsonValue], Field(max_length=1000)]


class TunedTrial(BaseModel):
    """One trial: a configuration and its result."""

    model_config = STRICT

    number: int = Field(ge=0)  # in the study, and of its folder in trials/
    state: State  # "pruned": stopped early, being worse than most; "failed": it could not be trained
    model: Name
    defaults: bool = False  # whether it has the defaults of the model
    parameters: Fields = {}  # those that were searched, by address, such as "model.units"
    loss: Metric = None  # the lowest validation loss; None unless complete
    best_epoch: int = Field(default=-1, ge=-1)  # from 0
    epochs: int = Field(default=0, ge=0)  # that were trained
    seconds: NotNegative = 0.0
    stopped: Name = "unknown"  # why the training ended, in a word
    failed: Line | None = None  # why it could not be trained


class TuneSettings(BaseModel):
    """What was asked for. A search that goes on is the same search."""

    model_config = STRICT

    models: dict[Name, Fields] = Field(min_length=1, max_length=100)  # name to the fields that are fixed
    training: Fields = {}  # that are fixed
    data: Fields = {}  # of the recipe
    seed: int = Field(ge=0, lt=2**63)
    trials: int = Field(ge=1, le=MOST_TRIALS)


class Tuning(BaseModel):
    """Contents of tune.json."""

    model_config = STRICT

    format_version: int = Field(default=TUNING_VERSION, ge=1, le=TUNING_VERSION)
    task: TaskName = "forecast"
    created: Time  # ISO 8601 in UTC, as `utc_now` writes it
    settings: TuneSettings
    source: Line = ""
    read: list[Line] = Field(default=[], max_length=200)  # what was read and what was guessed, for a person
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # of the data
    layout: Fields | None = (
        None  # what was decided about them; None in searches from before there was such a field
    )
    loss_name: Name  # what is minimised on the validation part, in words

    searched: int = Field(default=0, ge=0)  # trials that ended: complete, pruned and failed
    pruned: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)
    trials: list[TunedTrial] = Field(
        default=[], max_length=MOST_SHOWN
    )  # the best first, the last ones left out
    default_loss: Metric = None  # of the best trial that has the defaults of its model
    importance: dict[Name, Share] = Field(
        default={}, max_length=1000
    )  # of searched fields, by address; sum 1

    best: int | None = Field(default=None, ge=0)  # the number of the trial that `run` is
    run: RunPath | None = None  # the judged run
    test_scored: int = Field(default=0, ge=0)  # how many times the test part was scored
    best_baseline: Line = ""
    p_value: Annotated[Share | None, BeforeValidator(plain)] = None  # against it, as tested
    corrected_p: Annotated[Share | None, BeforeValidator(plain)] = None  # for the trials
    verdict: Line = ""  # in a sentence


def read_tuning(path: Path | str) -> Tuning:
    """tune.json.

    Raises:
        BrokenRunError: the file is missing, hostile, not such a table, or from a newer ostinato.
        RunError: the system does not let us read it.
    """
    return validated(Tuning, read_json(path), str(path))


def write_tuning(path: Path | str, tuning: Tuning) -> None:
    """Replace tune.json. Raises RunError."""
    write_json(path, tuning.model_dump(mode="json"))

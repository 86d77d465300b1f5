"""metrics.json: the final table of a run."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from .reading import read_json
from .schema import STRICT, Line, Name, validated
from .writing import plain, write_json

# null stands for a metric that does not exist here, such as the AUC of a single class
Metric = Annotated[float | None, BeforeValidator(plain)]
Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Metrics = Annotated[dict[Name, Metric], Field(max_length=1000)]


class SkillTest(BaseModel):
    """A test of the model against one baseline. A negative statistic means the model is better."""

    model_config = STRICT

    statistic: Metric
    p_value: Annotated[Share | None, BeforeValidator(plain)]


class SkillTests(BaseModel):
    """Every test, by the name of the baseline."""

    model_config = STRICT

    diebold_mariano: dict[Name, SkillTest] = {}


class TrainingFacts(BaseModel):
    """Facts of the training run."""

    model_config = STRICT

    seconds: NotNegative
    epochs: int = Field(ge=0)
    stopped: Name  # why it ended, in a word or a sentence


class ModelFacts(BaseModel):
    """Size and speed of the model."""

    model_config = STRICT

    parameters: int = Field(ge=0)
    step_us: Annotated[NotNegative | None, BeforeValidator(plain)] = None  # µs for one live step


class PartFacts(BaseModel):
    """Rows of train, validation or test, and when they begin and end, in seconds since the Unix epoch."""

    model_config = STRICT

    rows: int = Field(ge=0)
    first: Metric = None
    last: Metric = None


class Results(BaseModel):
    """Contents of metrics.json. NaN and infinity given to a metric become null."""

    model_config = STRICT

    measure: Name = "log_loss"  # the metric that is the mean of the tested losses
    test: Metrics
    validation: Metrics
    baselines: dict[Name, Metrics] = {}  # by name, on the rows of `test`
    baseline_settings: dict[Name, Line] = Field(default={}, max_length=1000)  # such as a window, in words
    tests: SkillTests = SkillTests()
    training: TrainingFacts
    model: ModelFacts
    parts: dict[Name, PartFacts] = {}  # train, validation and test
    trials: int = Field(default=1, ge=1)  # configurations of which this one was chosen

    @model_serializer(mode="wrap")
    def _without_unknown_settings(self, usual: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A table from before there were settings of baselines is written as it was."""
        found: dict[str, Any] = usual(self)
        return (
            found if self.baseline_settings else {k: v for k, v in found.items() if k != "baseline_settings"}
        )


def read_results(path: Path | str) -> Results:
    """metrics.json.

    Raises:
        BrokenRunError: the file is missing, hostile or not such a table.
        RunError: the system does not let us read it.
    """
    return validated(Results, read_json(path), str(path))


def write_results(path: Path | str, results: Results) -> None:
    """Replace metrics.json. Raises RunError."""
    write_json(path, results.model_dump())

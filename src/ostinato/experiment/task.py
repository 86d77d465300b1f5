"""The protocol of a task: everything that an experiment needs from it.

An experiment settles options, trains, judges, compares, tunes, walks and resumes. Only the task defines
its data, what is predicted and how predictions are scored. Methods without a default are abstract; the defaults of the
others suit a task whose examples are independent of each other.

Axes: R rows or examples, T steps, F features.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, TypeVar

import numpy as np
import polars as pl
from pydantic import BaseModel
from torch import Tensor

from ..core import SequenceLayer
from ..data.folds import Fold, Window
from ..data.piece import Sampler
from ..errors import ConfigError
from ..runs.folder import RunFolder
from ..runs.format import RunConfig
from ..runs.metric_table import loss_name
from ..runs.predictions import write_frame
from ..runs.results import PartFacts, SkillTest
from ..training import TrainingConfig
from ..training.objective import Objective
from .data_section import DataSection, Dataset, R, fold_fields, validated_section
from .scores import BaselineScores, RowMetrics, skill_of
from .space import Space, usual_space


@dataclass(frozen=True)
class Prepared:
    """What a training run learns from, and how it is validated.

    validate: returns the loss of a network on the validation part.
    """

    sampler: Sampler
    objective: Objective
    validate: Callable[[SequenceLayer], float]


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions for rows of some data, and notes for a person, such as which rows have none."""

    frame: Any  # of polars, or of the kind that the data came in
    notes: tuple[str, ...] = ()


D = TypeVar("D", bound=Dataset)
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Run(Generic[R]):
    """A run, loaded from its folder and checked, with its model in ``eval()``."""

    task: "Task[R, Any]"
    folder: RunFolder
    config: RunConfig
    recipe: R
    training: TrainingConfig
    model: SequenceLayer

    @property
    def name(self) -> str:
        """Name of the model."""
        return str(self.config.model["name"])


class Task(ABC, Generic[R, D]):
    """Base class of tasks: which data are learned from, what is predicted, and how predictions are scored.

    A subclass is constructed without arguments, in every process that needs it; ``address`` is its import path.

    Attributes:
        name: in config.json and on the command line.
        recipe: the class of the data section: what is predicted, and how data are read and cut. It has the fields
            of ``DataSection``, and bounds, because configs come from files.
        facts: fields of it that follow from the data and cannot be chosen.
        files: names of JSON files that ``extra_files`` adds to a run folder.
        columns: of predictions.parquet, with their types.
        noun: the word for one output.
        default_model: in ``ostinato.models.MODELS``.
    """

    name: ClassVar[str]
    recipe: ClassVar[type[BaseModel]]
    facts: ClassVar[tuple[str, ...]] = tuple(DataSection.model_fields)
    files: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[Mapping[str, Any]] = {}
    noun: ClassVar[str] = "prediction"
    default_model: ClassVar[str] = "lstm"

    @property
    def address(self) -> str:
        """MODULE:CLASS, as ``load_task`` takes it."""
        return f"{type(self).__module__}:{type(self).__qualname__}"

    def make_recipe(self, fields: Mapping[str, Any]) -> R:
        """The validated data section.

        Raises:
            ConfigError: a field is unknown or out of range.
        """
        return validated_section(self.recipe, fields)  # type: ignore[return-value]

    # data

    @abstractmethod
    def read(self, source: Any, recipe: R) -> D:
        """Read data from a file, a frame or another source of the task; data that were read already are returned
        unchanged.

        Raises:
            DataError: they cannot be used.
        """

    @abstractmethod
    def digest(self, data: D) -> str:
        """SHA-256 (hexadecimal) of all data that results depend on: a run resumes on the same data only."""

    @abstractmethod
    def folds(self, recipe: R, data: D, count: int = 1, window: Window = "expanding") -> list[Fold]:
        """Train, validation and test rows. The test parts of several folds together are the test part of a single fold.

        Raises:
            DataError: a part would be too short.   ConfigError: the task does not support these folds.
        """

    @abstractmethod
    def write_data(self, folder: Path, data: D) -> None:
        """Write data into a new folder, without pickle, for worker processes to read. Raises RunError."""

    @abstractmethod
    def read_data(self, folder: Path) -> D:
        """What ``write_data`` wrote."""

    def settle(self, recipe: R, data: D, fold: Fold | None = None) -> R:
        """The recipe completed by facts of the data and of the fold; None: of the first fold.

        Raises:
            DataError: the data do not suit the recipe.
        """
        fold = fold or self.folds(recipe, data)[0]
        found = {"rows": len(data), "digest": self.digest(data)}
        return recipe.model_copy(update=found | fold_fields(fold))

    def own_fold(self, recipe: R, data: D) -> Fold:
        """The fold of the data that a run was fitted on, from its completed recipe."""
        fields: Any = recipe
        return self.folds(recipe, data, fields.of_folds, fields.fold_window)[fields.fold]

    def same_rows(self, recipe: R, data: D, fold: Fold) -> bool:
        """Whether a completed recipe belongs to this fold of these data."""
        return self.settle(recipe, data, fold) == recipe

    def layout(self, data: D) -> dict[str, Any] | None:
        """Decisions made when the data were read, as JSON, if later data must be read by them; otherwise None."""
        return None

    def with_layout(self, recipe: R, layout: Mapping[str, Any] | None, where: str) -> R:
        """The recipe with the layout from the file ``where``, so that data are read in the same way.

        Raises:
            BrokenRunError: the layout is not valid.
        """
        return recipe

    def notes(self, data: D, fold: Fold) -> list[str]:
        """Notes for the user about the parts."""
        return []

    def part(self, data: D, rows: np.ndarray) -> PartFacts:
        """Size of a part, and its span of time."""
        return PartFacts(rows=len(rows))

    # model and training

    @abstractmethod
    def build(self, recipe: R, model: str, options: Mapping[str, Any]) -> SequenceLayer:
        """Build the complete model of a completed recipe, as its weights file holds it, with new weights.

        Raises:
            ConfigError: the name or the options are wrong.
        """

    @abstractmethod
    def prepare(
        self, recipe: R, data: D, fold: Fold, model: SequenceLayer, training: TrainingConfig
    ) -> Prepared:
        """Fit the parts that are not learned by gradient, such as the scaler, and prepare the training of the network.

        Raises:
            DataError: the data are too few.
        """

    def network(self, model: SequenceLayer) -> SequenceLayer:
        """The part of the model that is trained."""
        return model

    def training_defaults(self, recipe: R, model: str) -> dict[str, Any]:
        """Values that differ from the defaults of ``TrainingConfig``."""
        return {}

    def space(self, model: str) -> Space:
        """The search space of ``tune``."""
        return usual_space(model)

    def timed_steps(self, recipe: R, data: D) -> Tensor | None:
        """Steps (T, F) of the model's input on which the time of a live step is measured; None: do not measure."""
        return None

    # judging

    @abstractmethod
    def measure(self, recipe: R) -> str:
        """The metric that is tested: the mean of a loss, lower is better."""

    @abstractmethod
    def predict_rows(self, run: Run[R], data: D, rows: np.ndarray) -> np.ndarray:
        """The run's predictions for rows (R,) of the data, (R, ...), made as they would be in production.

        Raises:
            DataError: an output of the model is not a number.
        """

    @abstractmethod
    def row_metrics(
        self, recipe: R, data: D, rows: np.ndarray, predictions: np.ndarray, fold: Fold
    ) -> RowMetrics:
        """Per-row values of all metrics, the measure among them, for predictions of labelled rows (R,)."""

    @abstractmethod
    def baselines(self, recipe: R, data: D, rows: np.ndarray, fold: Fold) -> BaselineScores:
        """``row_metrics`` of each baseline, fitted on the train and validation rows of the fold."""

    @abstractmethod
    def frame(self, recipe: R, data: D, rows: np.ndarray, predictions: np.ndarray) -> pl.DataFrame:
        """Predictions for rows (R,) as a frame in the format of predictions.parquet."""

    @abstractmethod
    def predict(self, run: Run[R], data: D, chunk: int | None = None, last: int | None = None) -> Predictions:
        """Predictions for all rows of some data, or for the last ones.

        Args:
            chunk: steps computed at a time, which does not change the result; None: the task's default.

        Raises:
            DataError: the data cannot be used.   ConfigError: the task has no such option.
        """

    def loss_name(self, recipe: R) -> str:
        """The measure in words."""
        return loss_name(self.measure(recipe))

    def labelled(self, recipe: R, data: D, rows: np.ndarray) -> np.ndarray:
        """Those of the rows (R,) that have a label."""
        return rows

    def unseen_fold(self, recipe: R, data: D) -> tuple[Fold, tuple[str, ...]]:
        """The fold of some data without rows that the run may have been fitted on, and notes about it.

        Raises:
            DataError: too few are left.
        """
        if recipe.digest == self.digest(data):  # type: ignore[attr-defined]
            return self.own_fold(recipe, data), ()
        return self.folds(recipe, data)[0], ()

    def horizon(self, recipe: R) -> int:
        """Rows by which a label looks ahead, over which losses depend on each other. 1: they are independent."""
        return 1

    def moments(self, data: D, rows: np.ndarray) -> np.ndarray | None:
        """Time of each row (R,); rows of one time count as one observation. None: each row is an observation."""
        return None

    def skill(self, recipe: R, data: D, rows: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> SkillTest:
        """Test whether the losses ``ours`` (R,) are lower than ``theirs`` on the same rows."""
        return skill_of(ours, theirs, self.horizon(recipe), self.moments(data, rows))

    # the run folder

    def subject(self, recipe: R) -> str:
        """One word for what is predicted."""
        return self.name

    def test_frame(self, recipe: R, data: D, rows: np.ndarray, predictions: np.ndarray) -> pl.DataFrame:
        """``frame`` of the test part, thinned to a size that a run folder can hold."""
        return self.frame(recipe, data, rows, predictions)

    def write_predictions(self, path: Path, frame: pl.DataFrame) -> None:
        """Write predictions.parquet.

        Raises:
            BrokenRunError: the frame does not have the columns of the task.   RunError: the system does not let us
                write there.
        """
        write_frame(path, frame, self.columns)

    def tables(self, frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Tables of predictions that the report of a run shows, by title."""
        return {"First rows of the test part": frame.head(20)}

    def extra_files(self, recipe: R, data: D, fold: Fold) -> dict[str, Any]:
        """Contents of the additional ``files`` of a run, as JSON; they do not depend on the model."""
        return {}


AnyTask = Task[Any, Any]


def check_chosen(task: AnyTask, fields: Sequence[str] | Mapping[str, Any]) -> None:
    """Refuse fields that follow from the data.

    Raises:
        ConfigError: a field is one of those.
    """
    fact = next((name for name in fields if name in task.facts), None)
    if fact is not None:
        raise ConfigError(f"data.{fact} is determined by the data and cannot be chosen. Leave it out.")


def load_task(address: str) -> AnyTask:
    """Load the task at MODULE:CLASS. Addresses come from installed packages, never from a run folder.

    Raises:
        ConfigError: there is no task at this address.
    """
    module, _, name = address.partition(":")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"no task can be loaded from {address}: {error}.") from None
    if not (isinstance(kind, type) and issubclass(kind, Task)):
        raise ConfigError(
            f"{address} is not a task. A class derived from ostinato.experiment.Task is expected."
        )
    return kind()


def bind(function: Callable[Concatenate[AnyTask, P], T], task: AnyTask) -> Callable[P, T]:
    """Bind a function of this package to one task: ``fit(task, data, out)`` becomes ``fit(data, out)``."""
    import functools
    import inspect

    @functools.wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> T:
        return function(task, *args, **kwargs)

    parameters = list(inspect.signature(function).parameters.values())[1:]
    bound.__signature__ = inspect.signature(function).replace(parameters=parameters)  # type: ignore[attr-defined]
    return bound

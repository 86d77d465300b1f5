"""The protocol of a task: all that an experiment has to ask of it.

An experiment settles options, trains, judges, compares, tunes, walks and resumes. What its data are, what is predicted
and how well that went only the task knows. ``Task`` lists the questions; the first block has no answer in common, the
others have one that suits a task whose examples are independent of each other.

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

    validate: the loss on the validation part of the network that it is given.
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
    """A run as it lies in its folder, checked, with its model in ``eval()``."""

    task: "Task[R, Any]"
    folder: RunFolder
    config: RunConfig
    recipe: R
    training: TrainingConfig
    model: SequenceLayer

    @property
    def name(self) -> str:
        """The model's."""
        return str(self.config.model["name"])


class Task(ABC, Generic[R, D]):
    """What is learnt from which data, and how it is judged.

    A subclass is made without arguments, in every process that needs it; ``address`` says where it is found.

    Attributes:
        name: in config.json and on the command line.
        recipe: the class of the data section: what is predicted, and how data are read and cut. It has the fields
            of ``DataSection``, and bounds, because configs come from files.
        facts: fields of it that only the data can say.
        files: names of JSON files that ``extra_files`` adds to a run folder.
        columns: of predictions.parquet, with their types.
        noun: what one output is called.
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
        """Data of a file, a frame or whatever the task takes; data that were read already come back as they are.

        Raises:
            DataError: they cannot be used.
        """

    @abstractmethod
    def digest(self, data: D) -> str:
        """SHA-256 of all that numbers depend on, in hexadecimal: a run is resumed on the same data only."""

    @abstractmethod
    def folds(self, recipe: R, data: D, count: int = 1, window: Window = "expanding") -> list[Fold]:
        """Train, validation and test rows. Of several folds the test parts make up the test part of one.

        Raises:
            DataError: a part would be too short.   ConfigError: the task cannot be walked so.
        """

    @abstractmethod
    def write_data(self, folder: Path, data: D) -> None:
        """Write data into a new folder, without pickle, for worker processes to read. Raises RunError."""

    @abstractmethod
    def read_data(self, folder: Path) -> D:
        """What ``write_data`` wrote."""

    def settle(self, recipe: R, data: D, fold: Fold | None = None) -> R:
        """The recipe with what only the data and the fold can say; of no fold, that of the first.

        Raises:
            DataError: the data do not suit the recipe.
        """
        fold = fold or self.folds(recipe, data)[0]
        found = {"rows": len(data), "digest": self.digest(data)}
        return recipe.model_copy(update=found | fold_fields(fold))

    def own_fold(self, recipe: R, data: D) -> Fold:
        """The parts of the very data that a run was fitted on, of its settled recipe."""
        fields: Any = recipe
        return self.folds(recipe, data, fields.of_folds, fields.fold_window)[fields.fold]

    def same_rows(self, recipe: R, data: D, fold: Fold) -> bool:
        """Whether a settled recipe is of this fold of these data."""
        return self.settle(recipe, data, fold) == recipe

    def layout(self, data: D) -> dict[str, Any] | None:
        """What was decided when the data were read, as JSON, if later data are to be read by it."""
        return None

    def read_by(self, recipe: R, layout: Mapping[str, Any] | None, where: str) -> R:
        """The recipe that reads by such decisions, which come from the file ``where``.

        Raises:
            BrokenRunError: they are none.
        """
        return recipe

    def notes(self, data: D, fold: Fold) -> list[str]:
        """What a person should know of the parts."""
        return []

    def part(self, data: D, rows: np.ndarray) -> PartFacts:
        """How large a part is, and when it lies."""
        return PartFacts(rows=len(rows))

    # model and training

    @abstractmethod
    def build(self, recipe: R, model: str, options: Mapping[str, Any]) -> SequenceLayer:
        """The whole model, of a settled recipe: what its weights file holds. It is new, and knows no data yet.

        Raises:
            ConfigError: the name or the options are wrong.
        """

    @abstractmethod
    def prepare(
        self, recipe: R, data: D, fold: Fold, model: SequenceLayer, training: TrainingConfig
    ) -> Prepared:
        """Fit what of the model is not learnt, such as scaling, and prepare the training of its network.

        Raises:
            DataError: the data are too few.
        """

    def network(self, model: SequenceLayer) -> SequenceLayer:
        """The part of the model that is trained."""
        return model

    def training_defaults(self, recipe: R, model: str) -> dict[str, Any]:
        """What differs from the defaults of ``TrainingConfig``."""
        return {}

    def space(self, model: str) -> Space:
        """What ``tune`` searches."""
        return usual_space(model)

    def timed_steps(self, recipe: R, data: D) -> Tensor | None:
        """Steps (T, F) of the model's input to measure the time of a live step on; None: it has none."""
        return None

    # judging

    @abstractmethod
    def measure(self, recipe: R) -> str:
        """The metric that is tested: the mean of a loss, lower is better."""

    @abstractmethod
    def predict_rows(self, run: Run[R], data: D, rows: np.ndarray) -> np.ndarray:
        """The run's predictions for rows (R,) of the data, (R, ...), made as they would be in production.

        Raises:
            DataError: the model gives something that is not a number.
        """

    @abstractmethod
    def row_metrics(
        self, recipe: R, data: D, rows: np.ndarray, predictions: np.ndarray, fold: Fold
    ) -> RowMetrics:
        """What the metrics of predictions for labelled rows (R,) are means of, the measure among them."""

    @abstractmethod
    def baselines(self, recipe: R, data: D, rows: np.ndarray, fold: Fold) -> BaselineScores:
        """``row_metrics`` of each baseline, fitted on the train and validation rows of the fold."""

    @abstractmethod
    def frame(self, recipe: R, data: D, rows: np.ndarray, predictions: np.ndarray) -> pl.DataFrame:
        """Predictions for rows (R,) as predictions.parquet holds them."""

    @abstractmethod
    def predict(self, run: Run[R], data: D, chunk: int | None = None, last: int | None = None) -> Predictions:
        """Predictions for all rows of some data, or for the last ones.

        Args:
            chunk: steps at a time, which no number depends on; None: the task's own choice.

        Raises:
            DataError: the data cannot be used.   ConfigError: the task has no such option.
        """

    def loss_name(self, recipe: R) -> str:
        """The measure in words."""
        return loss_name(self.measure(recipe))

    def labelled(self, recipe: R, data: D, rows: np.ndarray) -> np.ndarray:
        """Those of the rows (R,) that can be judged."""
        return rows

    def unseen(self, recipe: R, data: D) -> tuple[Fold, tuple[str, ...]]:
        """The parts of some data, without rows to be scored that the run may have been fitted on; and notes on them.

        Raises:
            DataError: too few are left.
        """
        if recipe.digest == self.digest(data):  # type: ignore[attr-defined]
            return self.own_fold(recipe, data), ()
        return self.folds(recipe, data)[0], ()

    def horizon(self, recipe: R) -> int:
        """Rows by which a label looks ahead: so far do losses depend on each other. 1: they are independent."""
        return 1

    def moments(self, data: D, rows: np.ndarray) -> np.ndarray | None:
        """Of each row (R,) when it was: rows of one moment are one observation. None: each is one."""
        return None

    def skill(self, recipe: R, data: D, rows: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> SkillTest:
        """The test whether the losses ``ours`` (R,) are lower than ``theirs`` on the same rows."""
        return skill_of(ours, theirs, self.horizon(recipe), self.moments(data, rows))

    # the run folder

    def subject(self, recipe: R) -> str:
        """What is predicted, in a word."""
        return self.name

    def test_frame(self, recipe: R, data: D, rows: np.ndarray, predictions: np.ndarray) -> pl.DataFrame:
        """``frame`` of the test part, of a size that a run folder can hold."""
        return self.frame(recipe, data, rows, predictions)

    def write_predictions(self, path: Path, frame: pl.DataFrame) -> None:
        """Replace predictions.parquet.

        Raises:
            BrokenRunError: the frame is not as the task says.   RunError: the system does not let us write there.
        """
        write_frame(path, frame, self.columns)

    def tables(self, frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """What the page of a run shows of its predictions, by title."""
        return {"The first of the test part": frame.head(20)}

    def extra_files(self, recipe: R, data: D, fold: Fold) -> dict[str, Any]:
        """Contents, as JSON, of the ``files`` that a run carries; they do not depend on the model."""
        return {}


AnyTask = Task[Any, Any]


def check_chosen(task: AnyTask, fields: Sequence[str] | Mapping[str, Any]) -> None:
    """Refuse to be told what only the data can say.

    Raises:
        ConfigError: a field is one of those.
    """
    fact = next((name for name in fields if name in task.facts), None)
    if fact is not None:
        raise ConfigError(f"data.{fact} is found in the data and cannot be chosen. Leave it out.")


def load_task(address: str) -> AnyTask:
    """The task at MODULE:CLASS. Addresses come from what is installed, never from a run folder.

    Raises:
        ConfigError: there is no task.
    """
    module, _, name = address.partition(":")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"no task can be loaded from {address}: {error}.") from None
    if not (isinstance(kind, type) and issubclass(kind, Task)):
        raise ConfigError(f"{address} is no task. A class derived from ostinato.experiment.Task is expected.")
    return kind()


def bind(function: Callable[Concatenate[AnyTask, P], T], task: AnyTask) -> Callable[P, T]:
    """A function of this package for one task: ``fit(task, data, out)`` as ``fit(data, out)``."""
    import functools
    import inspect

    @functools.wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> T:
        return function(task, *args, **kwargs)

    parameters = list(inspect.signature(function).parameters.values())[1:]
    bound.__signature__ = inspect.signature(function).replace(parameters=parameters)  # type: ignore[attr-defined]
    return bound

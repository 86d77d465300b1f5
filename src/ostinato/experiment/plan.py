"""The plan of a comparison: validated before the data are read, and stored in its folder.

DIR/plan.json             the choices, so that resuming needs none repeated
DIR/compare.json          its results
DIR/MODEL                 the run of a model; of several seeds or folds DIR/MODEL/seed-0, fold-1, seed-0-fold-1
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue

from ..data.folds import Window
from ..errors import (
    BrokenRunError,
    ConfigError,
    DataError,
    RunError,
    RunExistsError,
    did_you_mean,
    shortened,
)
from ..models import MODELS
from ..runs.comparison import COMPARISON
from ..runs.format import TaskName
from ..runs.reading import read_json
from ..runs.schema import STRICT, Name, validated
from ..runs.writing import leftovers, write_json
from .data_section import Digest
from .settings import FitSettings, as_json, check_folds, fit_settings
from .task import AnyTask

PLAN = "plan.json"
MOST_SEEDS = 100

Fields = dict[Name, JsonValue]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class ComparisonPlan(BaseModel):
    """Contents of plan.json."""

    model_config = STRICT

    format_version: int = Field(default=1, ge=1, le=1)
    task: TaskName = "forecast"
    models: list[Name] = Field(min_length=1, max_length=100)
    options: dict[Name, Fields] = {}  # of each model
    training: Fields = {}
    recipe: Fields = {}
    seed: Seed = 0
    seeds: int = Field(default=1, ge=1, le=MOST_SEEDS)  # training runs of each model, from `seed` on
    folds: int = Field(default=1, ge=1)
    window: Literal["expanding", "rolling"] = "expanding"
    # of the data, once they were read; None in plans from before there were such fields
    digest: Digest | None = None
    layout: Fields | None = None

    @property
    def nested(self) -> bool:
        """Whether a model has more than one run."""
        return self.seeds > 1 or self.folds > 1


@dataclass(frozen=True)
class PlannedComparison:
    """A validated plan. Making one writes nothing; ``begin`` does."""

    task: AnyTask
    folder: Path
    plan: ComparisonPlan
    recipe: Any  # of the task, without facts of the data
    force: bool
    resume: bool

    def run(self, model: str, seed: int, fold: int) -> str:
        """Folder of a run within the comparison."""
        parts = [f"seed-{seed}"] * (self.plan.seeds > 1) + [f"fold-{fold + 1}"] * (self.plan.folds > 1)
        return f"{model}/{'-'.join(parts)}" if parts else model

    def settings(self, model: str, seed: int, fold: int) -> FitSettings:
        """The settings of one run.

        Raises:
            ConfigError: a name or a field is wrong.   RunError: its folder cannot be used.
        """
        return fit_settings(
            self.task,
            self.folder / self.run(model, seed, fold),
            model,
            options=self.plan.options.get(model),
            training=self.plan.training,
            recipe=self.plan.recipe,
            seed=seed,
            force=self.force,
            resume=self.resume,
        )

    def check_data(self, data: Any) -> None:
        """Refuse to resume with other data, on which the remaining models would be trained.

        Raises:
            DataError: they are.
        """
        if self.plan.digest not in (None, self.task.digest(data)):
            raise DataError(f"{self.folder} was begun on other data than these. Pass the same file.")

    def begin(self, data: Any) -> None:
        """Create the folder and write the plan, with the digest of the data, into it.

        Raises:
            RunError: the system does not let us write there.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in (COMPARISON, "report.html") if self.force else ():
                (self.folder / name).unlink(missing_ok=True)
            for path in leftovers(self.folder, (PLAN, COMPARISON)):
                path.unlink()
        except OSError as error:
            raise RunError(f"cannot write the folder {self.folder}: {error.strerror or error}.") from error
        facts = {"digest": self.task.digest(data), "layout": self.task.layout(data)}
        plan = self.plan.model_copy(update=facts)
        write_json(self.folder / PLAN, plan.model_dump(mode="json"))


def plan_comparison(
    task: AnyTask,
    out: Path | str,
    models: Sequence[str] | None = None,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    training: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    seed: int | None = None,
    seeds: int | None = None,
    folds: int | None = None,
    window: Window | None = None,
    force: bool = False,
    resume: bool = False,
) -> PlannedComparison:
    """Validate the arguments of ``compare``; nothing is written.

    Raises:
        ConfigError: a name or a field is wrong, or resuming meets another one than the comparison was begun with.
        RunError: the folder cannot be used.
    """
    given = {
        "models": None if models is None else list(dict.fromkeys(models)),
        "options": {name: dict(fields) for name, fields in (options or {}).items() if fields} or None,
        "training": dict(training or {}) or None,
        "recipe": dict(recipe or {}) or None,
        "seed": seed,
        "seeds": seeds,
        "folds": folds,
        "window": window,
    }
    asked = {name: as_json(value) for name, value in given.items() if value is not None}
    _check_choices(asked)
    folder = Path(out)
    existing = _existing(folder, force, resume)
    if existing is not None and existing.task != task.name:
        raise RunError(f"{folder} holds a comparison of the task {existing.task!r}. Choose another folder.")
    if existing is not None and resume:
        plan = _resumed(folder, existing, asked)
    else:
        plan = _planned({"task": task.name} | asked)
        if existing is not None and existing.nested != plan.nested:
            raise RunError(
                f"{folder} holds a comparison of other folds or seeds, whose runs lie elsewhere in it. Remove it, or "
                "choose another folder."
            )
    _check_choices(plan.model_dump())  # a resumed plan may come from a stranger
    sketch = PlannedComparison(task, folder, plan, task.make_recipe({}), force, resume)
    every = [sketch.settings(model, plan.seed, 0) for model in plan.models]
    # the layout of the data holds for all models, including those that have not begun
    read_by = task.with_layout(every[0].recipe, plan.layout, str(folder / PLAN))
    return PlannedComparison(task, folder, plan, read_by, force, resume)


def _planned(asked: Mapping[str, Any]) -> ComparisonPlan:
    try:
        return validated(ComparisonPlan, {"models": list(MODELS)} | dict(asked), "the comparison")
    except BrokenRunError as error:
        raise ConfigError(str(error)) from None


def _check_choices(asked: Mapping[str, Any]) -> None:
    models = asked.get("models", list(MODELS))
    if not models:
        raise ConfigError(f"no model is named. Models: {', '.join(MODELS)}.")
    for name in (*models, *asked.get("options", {})):
        if name not in MODELS:
            raise ConfigError(
                f"no model is called {shortened(name)}.{did_you_mean(name, MODELS)} Models: {', '.join(MODELS)}."
            )
    for name in ("seed", "seeds", "folds"):
        if type(asked.get(name, 1)) is not int:
            raise ConfigError(f"{name} must be a whole number, got {shortened(asked[name])}.")
    if not 1 <= asked.get("seeds", 1) <= MOST_SEEDS:
        raise ConfigError(
            f"seeds must be 1 to {MOST_SEEDS}, got {asked['seeds']:,}: each is a training of its own."
        )
    check_folds(asked.get("folds", 1), asked.get("window", "expanding"))


def _existing(folder: Path, force: bool, resume: bool) -> ComparisonPlan | None:
    """Read the plan of an existing comparison; None where there is none.

    Raises:
        RunExistsError, RunError: the folder cannot be used.   ConfigError: both force and resume were given.
    """
    if force and resume:
        raise ConfigError("force replaces a comparison and resume continues it. Choose one of them.")
    try:
        if not folder.exists():
            return None
        if not folder.is_dir():
            raise RunError(f"{folder} is a file. Choose another folder for the comparison.")
        if (folder / PLAN).is_file():
            if not (force or resume):
                raise RunExistsError(
                    f"{folder} already holds a comparison. --force replaces it, --resume continues it."
                )
            return validated(ComparisonPlan, read_json(folder / PLAN), str(folder / PLAN))
        if set(folder.iterdir()) - set(leftovers(folder, (PLAN, COMPARISON))):
            raise RunError(f"{folder} is not empty and holds no comparison. Choose another folder.")
    except (OSError, ValueError) as error:  # a ValueError means an invalid path
        reason = getattr(error, "strerror", None) or error
        raise RunError(f"cannot use the folder {folder}: {reason}.") from error
    return None


def _resumed(folder: Path, existing: ComparisonPlan, asked: Mapping[str, Any]) -> ComparisonPlan:
    """The existing plan; arguments may repeat it but not change it."""
    was = existing.model_dump()
    for name, value in asked.items():
        parts = value.items() if isinstance(value, dict) and name != "options" else [(None, value)]
        for field, now in parts:
            before = was[name] if field is None else was[name].get(field)
            if now != before:
                where = name if field is None else f"{name}.{field}"
                raise ConfigError(
                    f"{folder} was begun with {where} = {shortened(before)}, now it is {shortened(now)}. "
                    "Leave it out to go on, or begin anew with force."
                )
    return existing

"""The plan of a search, validated before the data are read, and its summary in tune.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError, RunError, shortened
from ..models import config_for
from ..runs.format import utc_now
from ..runs.tuning import (
    MOST_SHOWN,
    MOST_TRIALS,
    TUNING,
    TunedTrial,
    TuneSettings,
    Tuning,
    read_tuning,
    write_tuning,
)
from .fitting import dry_run
from .search_folder import check_folder, clear, trial_folder
from .settings import FitSettings, as_json, fit_settings, read_lines, training_config
from .space import Fixed, ModelSpace, space_of
from .study import Study, import_optuna
from .task import AnyTask, check_chosen
from .workers import DATA, remove_data

DEFAULT_TRIALS = 30


@dataclass(frozen=True)
class SearchPlan:
    """The validated settings of a search.

    recipe: of the task, as far as it needs no data.
    existing: what tune.json says of the search that is resumed, or None.
    """

    task: AnyTask
    folder: Path
    settings: TuneSettings
    recipe: Any
    spaces: dict[str, ModelSpace]
    force: bool
    existing: Tuning | None

    def trial(self, number: int) -> Path:
        """The folder of a trial."""
        return trial_folder(self.folder, number)


def plan_search(
    task: AnyTask,
    folder: Path,
    model: str | Sequence[str] | None,
    trials: int | None,
    options: Mapping[str, Any] | None,
    training: Mapping[str, Any] | None,
    recipe: Mapping[str, Any] | None,
    seed: int | None,
    *,
    force: bool = False,
    resume: bool = False,
) -> SearchPlan:
    """Validate the arguments of ``tune``; nothing is written.

    Raises:
        ConfigError, RunError, BrokenRunError: as ``tune``.
    """
    import_optuna()
    if trials is not None and not 1 <= trials <= MOST_TRIALS:
        raise ConfigError(f"trials must be 1 to {MOST_TRIALS:,}, got {trials}.")
    check_folder(folder, force, resume)
    existing = read_tuning(folder / TUNING) if resume and (folder / TUNING).exists() else None
    if existing is not None and existing.task != task.name:
        raise RunError(f"{folder} holds a search of the task {existing.task!r}. Choose another folder.")
    names = None if model is None else list(dict.fromkeys([model] if isinstance(model, str) else model))
    if names == []:
        raise ConfigError("there is no model to search for. Name one, such as lstm.")
    given = {"training": dict(training or {}), "data": dict(recipe or {})}
    check_chosen(task, given["data"])
    if existing is None:
        settings = _settled(
            names or [task.default_model], trials or DEFAULT_TRIALS, options or {}, given, seed or 0
        )
    else:
        settings = _resumed(folder, existing.settings, names, trials, options or {}, given, seed)
    made = task.make_recipe(settings.data)
    if existing is not None:
        made = task.with_layout(made, existing.layout, f"{folder / TUNING}: the layout")
    spaces = {}
    for name, fixed in settings.models.items():
        section = {"model": fixed, "training": settings.training}
        spaces[name] = model_space(task, name, section, settings.seed, made)
        # report errors in the fixed fields now
        _trial_settings(task, folder, name, fixed, settings)
    if len(spaces) == 1 and not next(iter(spaces.values())).space:
        raise ConfigError("nothing is left to search: every field is fixed. Leave one out of --set.")
    return SearchPlan(task, folder, settings, made, spaces, force, existing)


def model_space(task: AnyTask, model: str, fixed: Fixed, seed: int, recipe: Any) -> ModelSpace:
    """The search space of a model, without the fields that are fixed.

    Raises:
        ConfigError: no such model, or a fixed field is unknown or out of range.
    """
    training = training_config(task, model, fixed["training"], seed, recipe)
    return space_of(model, task.space(model), fixed, training)


def _settled(
    models: list[str], trials: int, options: Mapping[str, Any], given: dict[str, dict[str, Any]], seed: int
) -> TuneSettings:
    known = {name: set(type(config_for(name)).model_fields) for name in models}
    anyone = set().union(*known.values())
    fixed = {
        # a field that no model has is refused where the model is built
        name: {
            field: value for field, value in options.items() if field in known[name] | (set(options) - anyone)
        }
        for name in models
    }
    return _checked({"models": fixed, "seed": seed, "trials": trials, **given})


def _resumed(
    folder: Path,
    existing: TuneSettings,
    models: list[str] | None,
    trials: int | None,
    options: Mapping[str, Any],
    given: dict[str, dict[str, Any]],
    seed: int | None,
) -> TuneSettings:
    """The settings of a search that has begun; only the number of trials may change."""
    then: dict[str, Any] = {"model": sorted(existing.models), "seed": existing.seed}
    now: dict[str, Any] = {"model": models and sorted(models), "seed": seed}
    for fixed in existing.models.values():
        then |= {f"model.{field}": value for field, value in fixed.items()}
    now |= {f"model.{field}": value for field, value in options.items()}
    for section in ("training", "data"):
        then |= {f"{section}.{field}": value for field, value in getattr(existing, section).items()}
        now |= {f"{section}.{field}": value for field, value in given[section].items()}
    for name, value in now.items():
        unset = value is None and name in ("model", "seed")
        if not unset and (name not in then or as_json(value) != then[name]):
            was = shortened(then[name]) if name in then else "not fixed"
            raise ConfigError(
                f"{folder} was begun with {name} {was}, now it is {shortened(value)}. Leave it out to go on, or begin "
                "anew with force."
            )
    return existing if trials is None else existing.model_copy(update={"trials": trials})


def _checked(settings: dict[str, Any]) -> TuneSettings:
    try:
        return TuneSettings.model_validate(as_json(settings))
    except ValueError as error:
        raise ConfigError(f"the settings cannot be kept: {str(error).splitlines()[-1].strip()}") from None


def check_data(plan: SearchPlan, data: Any) -> None:
    """Refuse data that cannot be used.

    Raises:
        DataError: they are too few, or others than the search was begun with.
    """
    plan.task.settle(plan.recipe, data)
    if plan.existing is not None and plan.existing.digest != plan.task.digest(data):
        raise DataError(f"{plan.folder} was begun on other data than these. Pass the same file.")
    if plan.force:  # before an existing search is replaced
        name, fixed = next(iter(plan.settings.models.items()))
        dry_run(_trial_settings(plan.task, plan.folder, name, fixed, plan.settings), data)


def _trial_settings(
    task: AnyTask, folder: Path, name: str, fixed: Mapping[str, Any], settings: TuneSettings
) -> FitSettings:
    """Settings of a trial with the defaults, in a folder that no trial uses."""
    return fit_settings(
        task,
        trial_folder(folder, MOST_TRIALS),
        name,
        options=fixed,
        training=settings.training,
        recipe=settings.data,
        force=True,
    )


def begin(plan: SearchPlan, data: Any) -> Tuning:
    """Begin or resume a search; returns the contents of tune.json.

    Raises:
        RunError: see ``tune``.
    """
    task, recipe = plan.task, plan.recipe
    if plan.existing is None:
        check_folder(
            plan.folder, plan.force, resume=False
        )  # another search may have begun while the data were read
        clear(plan.folder)
    remove_data(plan.folder / DATA)
    if plan.existing is not None:
        tuning = plan.existing.model_copy(update={"settings": plan.settings})
    else:
        tuning = Tuning(
            task=task.name,
            created=utc_now(),
            settings=plan.settings,
            source=data.report.source,
            read=read_lines(data, task.notes(data, task.folds(recipe, data)[0])),
            digest=task.digest(data),
            layout=task.layout(data),
            loss_name=task.loss_name(recipe),
        )
    write_tuning(plan.folder / TUNING, tuning)
    return tuning


def summary_of(before: Tuning, folder: Path, search: Study) -> Tuning:
    """Write tune.json with the results so far, and return it."""
    trials = search.trials()
    ranked = sorted(trials, key=_rank)
    best = ranked[0] if ranked and ranked[0].loss is not None else None
    defaults = [trial.loss for trial in trials if trial.defaults and trial.loss is not None]
    tuning = before.model_copy(
        update={
            "searched": len(trials),
            "pruned": sum(trial.state == "pruned" for trial in trials),
            "failed": sum(trial.state == "failed" for trial in trials),
            "trials": ranked[:MOST_SHOWN],
            "default_loss": min(defaults, default=None),
            "importance": search.importance(best) if best else {},
        }
    )
    write_tuning(folder / TUNING, tuning)
    return tuning


def _rank(trial: TunedTrial) -> tuple[float, int]:
    return (float("inf") if trial.loss is None else trial.loss, trial.number)

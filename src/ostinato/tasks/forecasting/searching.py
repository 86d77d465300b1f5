"""What a search is asked for, settled before data are read, and what it says of itself in tune.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.layout import Layout
from ...data.panel import Panel
from ...errors import ConfigError, DataError, shortened
from ...experiment.search_folder import check_folder, clear, trial_folder
from ...models import config_for
from ...runs.format import utc_now
from ...runs.schema import validated
from ...runs.tuning import (
    MOST_SHOWN,
    MOST_TRIALS,
    TUNING,
    TunedTrial,
    TuneSettings,
    Tuning,
    read_tuning,
    write_tuning,
)
from .choosing import DEFAULT_MODEL, Choices, as_json, choose, read_lines
from .fitting import rehearse
from .recipe import Recipe, check_chosen, digest, layout_of, recipe_from
from .space import ModelSpace, space_of
from .study import Search, optuna_itself
from .targets import target_of
from .workers import PANEL, remove_panel

DEFAULT_TRIALS = 30


@dataclass(frozen=True)
class Asked:
    """Every choice of a search, validated.

    begun: what tune.json says of the search that is gone on with, or None.
    """

    folder: Path
    settings: TuneSettings
    recipe: Recipe
    spaces: dict[str, ModelSpace]
    force: bool
    begun: Tuning | None

    def trial(self, number: int) -> Path:
        """The folder of a trial."""
        return trial_folder(self.folder, number)


def asked_for(
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
) -> Asked:
    """Settle what ``tune`` is asked for, with its arguments; nothing is written.

    Raises:
        ConfigError, RunError, BrokenRunError: as ``tune``.
    """
    optuna_itself()
    if trials is not None and not 1 <= trials <= MOST_TRIALS:
        raise ConfigError(f"trials must be 1 to {MOST_TRIALS:,}, got {trials}.")
    check_folder(folder, force, resume)
    begun = read_tuning(folder / TUNING) if resume and (folder / TUNING).exists() else None
    names = None if model is None else list(dict.fromkeys([model] if isinstance(model, str) else model))
    if names == []:
        raise ConfigError("there is no model to search for. Name one, such as lstm.")
    given = {"training": dict(training or {}), "data": dict(recipe or {})}
    check_chosen(given["data"])
    if begun is None:
        settings = _settled(
            names or [DEFAULT_MODEL], trials or DEFAULT_TRIALS, options or {}, given, seed or 0
        )
    else:
        settings = _taken_up(folder, begun.settings, names, trials, options or {}, given, seed)
    made = recipe_from(dict(settings.data))
    if begun is not None and begun.layout is not None:
        layout = validated(Layout, begun.layout, f"{folder / TUNING}: the layout")
        made = made.model_copy(update={"layout": layout})
    spaces = {}
    for name, fixed in settings.models.items():
        section = {"model": fixed, "training": settings.training, "data": settings.data}
        spaces[name] = space_of(name, section, settings.seed, made)
        # a rehearsal: what is wrong with the fixed fields is said now
        _rehearsed(folder, name, fixed, settings)
    if len(spaces) == 1 and not next(iter(spaces.values())).space:
        raise ConfigError("nothing is left to search: every field is fixed. Leave one out of --set.")
    return Asked(folder, settings, made, spaces, force, begun)


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


def _taken_up(
    folder: Path,
    begun: TuneSettings,
    models: list[str] | None,
    trials: int | None,
    options: Mapping[str, Any],
    given: dict[str, dict[str, Any]],
    seed: int | None,
) -> TuneSettings:
    """The settings of a search that has begun; only the number of trials may change."""
    then: dict[str, Any] = {"model": sorted(begun.models), "seed": begun.seed}
    now: dict[str, Any] = {"model": models and sorted(models), "seed": seed}
    for fixed in begun.models.values():
        then |= {f"model.{field}": value for field, value in fixed.items()}
    now |= {f"model.{field}": value for field, value in options.items()}
    for section in ("training", "data"):
        then |= {f"{section}.{field}": value for field, value in getattr(begun, section).items()}
        now |= {f"{section}.{field}": value for field, value in given[section].items()}
    for name, value in now.items():
        unsaid = value is None and name in ("model", "seed")
        if not unsaid and (name not in then or as_json(value) != then[name]):
            was = shortened(then[name]) if name in then else "not fixed"
            raise ConfigError(
                f"{folder} was begun with {name} {was}, now it is {shortened(value)}. Leave it out to go on, or begin "
                "anew with force."
            )
    return begun if trials is None else begun.model_copy(update={"trials": trials})


def _checked(settings: dict[str, Any]) -> TuneSettings:
    try:
        return TuneSettings.model_validate(as_json(settings))
    except ValueError as error:
        raise ConfigError(f"the settings cannot be kept: {str(error).splitlines()[-1].strip()}") from None


def check_data(asked: Asked, panel: Panel) -> None:
    """Refuse data that cannot be used.

    Raises:
        DataError: they are too few, or others than the search was begun with.
    """
    asked.recipe.of(panel)
    if asked.begun is not None and asked.begun.digest != digest(panel):
        raise DataError(f"{asked.folder} was begun on other data than these. Pass the same file.")
    if asked.force:  # before the search that is there is replaced
        name, fixed = next(iter(asked.settings.models.items()))
        rehearse(_rehearsed(asked.folder, name, fixed, asked.settings), panel)


def _rehearsed(folder: Path, name: str, fixed: Mapping[str, Any], settings: TuneSettings) -> Choices:
    """The choices of a trial with the defaults, in a folder that no trial has."""
    return choose(
        trial_folder(folder, MOST_TRIALS),
        name,
        options=fixed,
        training=settings.training,
        recipe=settings.data,
        force=True,
    )


def begin(asked: Asked, panel: Panel) -> Tuning:
    """tune.json of a search that begins or goes on.

    Raises:
        RunError: see ``tune``.
    """
    if asked.begun is None:
        check_folder(asked.folder, asked.force, resume=False)  # while data were read, another may have begun
        clear(asked.folder)
    remove_panel(asked.folder / PANEL)
    if asked.begun is not None:
        tuning = asked.begun.model_copy(update={"settings": asked.settings})
    else:
        tuning = Tuning(
            created=utc_now(),
            settings=asked.settings,
            source=panel.report.source,
            read=read_lines(panel, asked.recipe.folds(panel)[0]),
            digest=digest(panel),
            layout=None if (layout := layout_of(panel)) is None else layout.model_dump(mode="json"),
            loss_name=target_of(asked.recipe).loss_name,
        )
    write_tuning(asked.folder / TUNING, tuning)
    return tuning


def summary_of(begun: Tuning, asked: Asked, search: Search) -> Tuning:
    """tune.json with what was found so far, as it is written."""
    trials = search.trials()
    ranked = sorted(trials, key=_rank)
    best = ranked[0] if ranked and ranked[0].loss is not None else None
    defaults = [trial.loss for trial in trials if trial.defaults and trial.loss is not None]
    tuning = begun.model_copy(
        update={
            "searched": len(trials),
            "pruned": sum(trial.state == "pruned" for trial in trials),
            "failed": sum(trial.state == "failed" for trial in trials),
            "trials": ranked[:MOST_SHOWN],
            "default_loss": min(defaults, default=None),
            "importance": search.importance(best) if best else {},
        }
    )
    write_tuning(asked.folder / TUNING, tuning)
    return tuning


def _rank(trial: TunedTrial) -> tuple[float, int]:
    return (float("inf") if trial.loss is None else trial.loss, trial.number)

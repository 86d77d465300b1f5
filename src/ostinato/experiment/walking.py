"""Walk-forward evaluation: each block of the test part is forecast by a model fitted on the rows before it.

Source:
    Tashman 2000, International Journal of Forecasting 16, 437-450: evaluation with a rolling origin.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data.folds import Fold, Window
from ..errors import ConfigError
from ..runs.comparison import ComparedBaseline
from ..runs.folder import EARLIER, RunFolder
from ..runs.format import utc_now
from ..runs.results import SkillTests
from ..runs.walk import WalkedFold, WalkForward, write_walk
from .evaluating import pooled
from .fitting import Fit, dry_run, fit_settled, parts_of
from .scores import Scored, intervals_of
from .settings import FitSettings, check_folds, fit_settings
from .task import AnyTask
from .watching import Watch, unwatched


@dataclass(frozen=True)
class Walk:
    """Result of a walk.

    fits: fold by fold, the earliest first; the last is the run in the folder itself.
    scored: the rows of all folds together.
    results: as folds.json holds them.
    """

    fits: tuple[Fit, ...]
    scored: Scored
    results: WalkForward


def walk(
    task: AnyTask,
    data: Any,
    out: Path | str,
    model: str | None = None,
    *,
    folds: int,
    window: Window = "expanding",
    options: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    seed: int | None = None,
    device: str = "cpu",
    force: bool = False,
    resume: bool = False,
    watch: Watch = unwatched,
) -> Walk:
    """Run ``fit`` once for each block of the test part, and evaluate all blocks together.

    The run folder is that of the last block, fitted on the most recent rows; the earlier runs lie in it, as
    ``folds/1``, ``folds/2`` and so on, and ``folds.json`` holds the results.

    Args:
        folds: blocks of the test part.
        window: "expanding" trains on all that came before a block, "rolling" on as many rows as the first fold has.
        watch: gives a watcher for each training.

    Raises:
        ConfigError, DataError, RunError, NonFiniteError: as ``fit``.
        KeyboardInterrupt: someone pressed Ctrl-C; what was learnt so far is kept, and ``resume`` continues it.
    """
    check_folds(folds, window)
    settings = fit_settings(
        task,
        out,
        model,
        options=options,
        training=training,
        recipe=recipe,
        seed=seed,
        force=force,
        resume=resume,
    )
    data = task.read(data, settings.recipe)
    return walk_settled(settings, data, folds, window, device=device, watch=watch)


def walk_settled(
    settings: FitSettings,
    data: Any,
    folds: int,
    window: Window = "expanding",
    *,
    device: str = "cpu",
    watch: Watch = unwatched,
) -> Walk:
    """``walk`` with settings that were validated before the data were read."""
    check_folds(folds, window)
    parts = settings.task.folds(settings.recipe, data, folds, window)

    def fitted(place: int) -> Fit:
        mine = settings if place == folds - 1 else _earlier(settings, place)
        with watch(f"{settings.config.model['name']} fold {place + 1}/{folds}") as watcher:
            done = fit_settled(mine, data, fold=parts[place], device=device, watcher=watcher)
        if done.results is None:
            raise KeyboardInterrupt
        return done

    for part in parts[:-1] if settings.force else []:
        dry_run(settings, data, part, device)  # before an existing run is replaced
    last = fitted(folds - 1)  # the last fold first, because its folder holds the others
    fits = (*(fitted(place) for place in range(folds - 1)), last)
    return _judged(fits, parts, data, window)


def _earlier(settings: FitSettings, place: int) -> FitSettings:
    """The settings for the run of an earlier fold."""
    folder = RunFolder(settings.folder.path / EARLIER / str(place + 1))
    if not (settings.resume and folder.holds_run()):
        return replace(settings, folder=folder, existing=False, changed=True)
    existing = fit_settings(settings.task, folder.path, resume=True)
    if (existing.config.seed, existing.config.model) != (settings.config.seed, settings.config.model):
        raise ConfigError(
            f"{folder.path} was begun otherwise than {settings.folder.path}. Begin anew with force."
        )
    if existing.training == settings.training:
        return existing
    # only settings that do not affect results may have changed, which resuming checks
    training = settings.training.model_dump(mode="json")
    return fit_settings(settings.task, folder.path, training=training, resume=True)


def _judged(fits: tuple[Fit, ...], parts: list[Fold], data: Any, window: Window) -> Walk:
    run = fits[-1].run
    task, recipe = run.task, run.recipe
    scored = pooled(task, recipe, data, [fit.evaluation.scored for fit in fits if fit.evaluation is not None])
    horizon, moments = task.horizon(recipe), task.moments(data, scored.rows)
    results = WalkForward(
        created=utc_now(),
        measure=task.measure(recipe),
        window=window,
        rows_scored=len(scored.rows),
        folds=[
            WalkedFold(
                parts=parts_of(task, data, part), test=fit.results.test, baselines=fit.results.baselines
            )
            for fit, part in zip(fits, parts, strict=True)
            if fit.results is not None
        ],
        test=scored.metrics,
        intervals=intervals_of(scored.columns, horizon, moments),
        baselines={
            name: ComparedBaseline(
                test=metrics,
                intervals=intervals_of(columns, horizon, moments),
                settings=scored.settings.get(name, ""),
            )
            for (name, columns), metrics in zip(
                scored.baselines.items(), scored.baseline_metrics.values(), strict=True
            )
        },
        tests=SkillTests(diebold_mariano=scored.skill),
    )
    write_walk(run.folder.folds, results)
    return Walk(fits, scored, results)

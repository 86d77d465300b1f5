"""Walking forward: the test part in blocks, each judged by a model that was fitted on what came before it.

Source:
    Tashman 2000, International Journal of Forecasting 16, 437-450: evaluation with a rolling origin.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...data.folds import Fold, Window
from ...data.panel import Panel
from ...errors import ConfigError
from ...experiment.scores import Scored
from ...experiment.watching import Watch, unwatched
from ...runs.comparison import ComparedBaseline
from ...runs.folder import EARLIER, RunFolder
from ...runs.format import utc_now
from ...runs.results import SkillTests
from ...runs.walk import WalkedFold, WalkForward, write_walk
from .choosing import Choices, choose
from .fitting import Fit, fit_chosen, part_facts, rehearse
from .pooling import check_folds, intervals_of, pooled
from .reading import Data, panel_of
from .targets import target_of


@dataclass(frozen=True)
class Walk:
    """What came of it.

    fits: fold by fold, the earliest first; the last is the run in the folder itself.
    scored: the rows of all folds together.
    results: as folds.json holds them.
    """

    fits: tuple[Fit, ...]
    scored: Scored
    results: WalkForward


def walk(
    data: Data,
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
    """``fit``, once for each of so many blocks of the test part; all blocks are judged together.

    The run folder is that of the last block, fitted on the most recent rows; the earlier runs lie in it, as
    ``folds/1``, ``folds/2`` and so on, and ``folds.json`` holds the results.

    Args:
        folds: blocks of the test part.
        window: "expanding" trains on all that came before a block, "rolling" on as many rows as the first fold has.
        watch: gives a watcher for each training.

    Raises:
        ConfigError, DataError, RunError, NonFiniteError: as ``fit``.
        KeyboardInterrupt: someone pressed Ctrl-C; what was learnt so far is kept, and ``resume`` goes on with it.
    """
    check_folds(folds, window)
    choices = choose(
        out, model, options=options, training=training, recipe=recipe, seed=seed, force=force, resume=resume
    )
    panel = panel_of(data, choices.recipe)
    return walk_chosen(choices, panel, folds, window, device=device, watch=watch)


def walk_chosen(
    choices: Choices,
    panel: Panel,
    folds: int,
    window: Window = "expanding",
    *,
    device: str = "cpu",
    watch: Watch = unwatched,
) -> Walk:
    """``walk``, of choices that were made before the data were read."""
    check_folds(folds, window)
    parts = choices.recipe.folds(panel, folds, window)

    def fitted(place: int) -> Fit:
        mine = choices if place == folds - 1 else _earlier(choices, place)
        with watch(f"{choices.config.model['name']} fold {place + 1}/{folds}") as watcher:
            done = fit_chosen(mine, panel, fold=parts[place], device=device, watcher=watcher)
        if done.results is None:
            raise KeyboardInterrupt
        return done

    for part in parts[:-1] if choices.force else []:
        rehearse(choices, panel, part, device)  # before the run that is there is replaced
    last = fitted(folds - 1)  # first of all, since its folder holds the others
    fits = (*(fitted(place) for place in range(folds - 1)), last)
    return _judged(fits, parts, panel, window)


def _earlier(choices: Choices, place: int) -> Choices:
    """The same choices for the run of an earlier fold."""
    folder = RunFolder(choices.folder.path / EARLIER / str(place + 1))
    if not (choices.resume and folder.holds_run()):
        return replace(choices, folder=folder, begun=False, changed=True)
    begun = choose(folder.path, resume=True)
    if (begun.config.seed, begun.config.model) != (choices.config.seed, choices.config.model):
        raise ConfigError(
            f"{folder.path} was begun otherwise than {choices.folder.path}. Begin anew with force."
        )
    if begun.how == choices.how:
        return begun
    # only what no number depends on may have changed: resuming checks that
    return choose(folder.path, training=choices.how.model_dump(mode="json"), resume=True)


def _judged(fits: tuple[Fit, ...], parts: list[Fold], panel: Panel, window: Window) -> Walk:
    run = fits[-1].run
    target = target_of(run.recipe)
    scored = pooled(target, panel, [fit.evaluation.scored for fit in fits if fit.evaluation is not None])
    horizon = run.recipe.purge
    results = WalkForward(
        created=utc_now(),
        measure=target.measure,
        window=window,
        rows_scored=len(scored.rows),
        folds=[
            WalkedFold(parts=part_facts(panel, part), test=fit.results.test, baselines=fit.results.baselines)
            for fit, part in zip(fits, parts, strict=True)
            if fit.results is not None
        ],
        test=scored.metrics,
        intervals=intervals_of(scored.columns, panel, scored.rows, horizon),
        baselines={
            name: ComparedBaseline(
                test=metrics,
                intervals=intervals_of(columns, panel, scored.rows, horizon),
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

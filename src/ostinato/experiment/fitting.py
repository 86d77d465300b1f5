"""Fit a model: train it, evaluate it beside baselines, and write a run folder."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from torch import Tensor

from ..core import Generators, SequenceLayer, device_of, drawing_from
from ..data.folds import Fold
from ..runs.folder import RunFolder
from ..runs.format import RunConfig, write_config
from ..runs.results import ModelFacts, PartFacts, Results, SkillTests, TrainingFacts, write_results
from ..runs.writing import write_json
from ..training import Finished, Trainer
from ..training.checkpointer import Checkpointer
from ..training.loop import Augment
from ..training.progress import Watcher
from .evaluating import Evaluation, judge
from .scores import BaselineScores
from .settings import FitSettings, fit_settings, network_section
from .task import AnyTask, Prepared, Run


@dataclass(frozen=True)
class Fit:
    """Result of a fit. ``evaluation`` and ``results`` are None if it was interrupted."""

    run: Run[Any]
    finished: Finished
    evaluation: Evaluation | None = None
    results: Results | None = None


def fit(
    task: AnyTask,
    data: Any,
    out: Path | str,
    model: str | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    seed: int | None = None,
    device: str = "cpu",
    force: bool = False,
    resume: bool = False,
    watcher: Watcher | None = None,
    augment: Augment | None = None,
) -> Fit:
    """Train a model, evaluate it beside baselines, and write a run folder.

    Args:
        data: as the task reads them; of forecasts trades, a panel, a data frame of pandas, polars or arrow, or the
            path of a file. The parts are cut from it.
        out: the run folder. It must be new, unless ``force`` replaces the run or ``resume`` continues it.
        model: a name in ``ostinato.models.MODELS``; None is the run's own when resuming, otherwise "lstm".
        options: fields of the model's config.
        training: fields of ``TrainingConfig``.
        recipe: fields of the task's data section: what is predicted, how data are read and cut.
        seed: of weights, order and noise; None is the run's own when resuming, otherwise 0.
        augment: changes x (B, T, F), the network's input, while training.

    Raises:
        ConfigError: a name or a field is wrong, or it differs from that of the run that is resumed.
        DataError: there are too few rows, or the resumed run was fitted on other data.
        RunError: the folder cannot be used.
        NonFiniteError: the loss stopped being a number.
    """
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
    return fit_settled(settings, data, device=device, watcher=watcher, augment=augment)


def fit_settled(
    settings: FitSettings,
    data: Any,
    *,
    fold: Fold | None = None,
    device: str = "cpu",
    watcher: Watcher | None = None,
    augment: Augment | None = None,
) -> Fit:
    """``fit`` with settings that were validated before the data were read; fold None: the split of the recipe."""
    trained = train(settings, data, fold=fold, device=device, watcher=watcher, augment=augment)
    if trained.finished.stopped == "interrupted":
        return Fit(trained.run, trained.finished)
    return conclude(trained, data)


@dataclass(frozen=True)
class Trained:
    """A run with its best weights, not evaluated yet."""

    run: Run[Any]
    finished: Finished
    fold: Fold


def train(
    settings: FitSettings,
    data: Any,
    *,
    fold: Fold | None = None,
    device: str = "cpu",
    watcher: Watcher | None = None,
    augment: Augment | None = None,
) -> Trained:
    """Train without using the test part."""
    ready = _prepared(settings, data, fold, device)
    task = settings.task
    folder = RunFolder.create(settings.folder.path, force=settings.force, resume=settings.resume)
    if settings.changed:
        write_config(folder.config, ready.config)
    finished = _train(ready, settings, folder, watcher, augment)
    run = Run(task, folder, ready.config, ready.recipe, settings.training, ready.model.eval())
    return Trained(run, finished, ready.fold)


def dry_run(settings: FitSettings, data: Any, fold: Fold | None = None, device: str = "cpu") -> None:
    """Do everything that precedes training, so that unusable data are reported before anything is replaced.

    Raises:
        DataError, ConfigError: as ``fit``.
    """
    _prepared(settings, data, fold, device)


@dataclass(frozen=True)
class _PreparedFit:
    """Everything that a training run needs, except its folder."""

    config: RunConfig
    recipe: Any
    fold: Fold
    model: SequenceLayer  # new, with everything fitted that is not learned by gradient
    prepared: Prepared


def _prepared(settings: FitSettings, data: Any, fold: Fold | None, device: str) -> _PreparedFit:
    """Writes nothing, so that unusable data are reported before a run is replaced."""
    task = settings.task
    config, recipe = settings.of(data, fold)
    fold = fold or task.folds(recipe, data)[0]
    with drawing_from(Generators(config.seed)):
        model = task.build(recipe, *network_section(config)).to(device)
    prepared = task.prepare(recipe, data, fold, model, settings.training)
    return _PreparedFit(config, recipe, fold, model, prepared)


def _train(
    ready: _PreparedFit,
    settings: FitSettings,
    folder: RunFolder,
    watcher: Watcher | None,
    augment: Augment | None,
) -> Finished:
    network = settings.task.network(ready.model)
    trainer = Trainer(
        network,
        ready.prepared.sampler,
        ready.prepared.objective,
        ready.prepared.validate,
        settings.training,
        Checkpointer(folder, network, whole=ready.model),
        watcher,
        augment,
    )
    if settings.resume:
        trainer.resume()
    return trainer.run()


def conclude(
    trained: Trained,
    data: Any,
    baselines: BaselineScores | None = None,
    extra_files: Mapping[str, Any] | None = None,
) -> Fit:
    """Judge the best weights as production would use them: raw rows through the whole model.

    Args:
        baselines: on the labelled test rows, where they are known already.
        extra_files: that the run is to carry, likewise.
    """
    run, finished, fold = trained.run, trained.finished, trained.fold
    task, recipe = run.task, run.recipe
    rows = np.concatenate([fold.validation, fold.test])
    predictions = task.predict_rows(run, data, rows)
    evaluation = judge(task, recipe, data, rows, predictions, fold, baselines=baselines)
    results = Results(
        measure=evaluation.measure,
        test=evaluation.test,
        validation=evaluation.validation,
        baselines=evaluation.baselines,
        baseline_settings=evaluation.scored.settings,
        tests=SkillTests(diebold_mariano=evaluation.skill),
        training=TrainingFacts(seconds=finished.seconds, epochs=finished.epochs, stopped=finished.stopped),
        model=ModelFacts(
            parameters=sum(parameter.numel() for parameter in run.model.parameters()),
            step_us=_step_microseconds(run, data),
        ),
        parts=parts_of(task, data, fold),
    )
    frame = task.test_frame(recipe, data, fold.test, predictions[len(fold.validation) :])
    task.write_predictions(run.folder.predictions, frame)
    for name, content in (extra_files or task.extra_files(recipe, data, fold)).items():
        write_json(run.folder.path / name, content)
    write_results(run.folder.metrics, results)
    return Fit(run, finished, evaluation, results)


def parts_of(task: AnyTask, data: Any, fold: Fold) -> dict[str, PartFacts]:
    """How many rows each part has, and when they lie."""
    parts = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    return {name: task.part(data, rows) for name, rows in parts.items()}


def _step_microseconds(run: Run[Any], data: Any) -> float | None:
    steps = run.task.timed_steps(run.recipe, data)
    return None if steps is None else step_microseconds(run.model, steps)


def step_microseconds(model: SequenceLayer, steps: Tensor, count: int = 200) -> float:
    """Median time of one live step, one row of ``steps`` (T, F), in µs. The model must be in ``eval()``."""
    rows = steps[: count + 20].to(device_of(model))
    stepper, times = model.stepper(), []
    for place in range(len(rows)):
        began = time.perf_counter()
        stepper.step(rows[place : place + 1])
        times.append(time.perf_counter() - began)
    return 1e6 * median(times[min(20, len(times) - 1) :])  # the first ones warm up

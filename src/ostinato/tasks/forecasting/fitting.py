"""Fitting a forecast and leaving a run folder.

Axes: N rows, F features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core import Generators, SequenceLayer, device_of, drawing_from, numbers
from ...data.folds import Fold
from ...data.panel import Panel
from ...data.report import counted, too_few
from ...data.steps import Steps
from ...data.streams import Streams
from ...data.windows import Windows
from ...errors import DataError
from ...evaluation.diebold_mariano import FEWEST_ROWS
from ...experiment.scores import BaselineScores
from ...runs.baselines import LiveBaselines, write_baselines
from ...runs.folder import RunFolder
from ...runs.format import RunConfig, write_config
from ...runs.predictions import write_predictions
from ...runs.results import ModelFacts, PartFacts, Results, SkillTests, TrainingFacts, write_results
from ...training import Finished, Trainer, TrainingConfig
from ...training.keeping import Keeper
from ...training.loop import Augment
from ...training.progress import Watcher
from .beside import fitted_beside
from .choosing import Choices, choose
from .evaluating import Evaluation, judge
from .features import foreseeable, raw_rows
from .model import forecast_model, parts_of, step_microseconds
from .opening import Run, network_section
from .predicting import check_numbers, foresee
from .reading import Data, panel_of
from .recipe import Recipe
from .streaming import pieces_of, stream
from .targets import TrainingProblem, target_of

WINDOW = 64  # steps of a training window for a model without a window of its own
MOST_LINES = 2_000_000  # of predictions.parquet


@dataclass(frozen=True)
class Fit:
    """What came of it. ``evaluation`` and ``results`` are None if it was interrupted."""

    run: Run
    finished: Finished
    evaluation: Evaluation | None = None
    results: Results | None = None


def fit(
    data: Data,
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
    """Train a model to foresee what comes next, judge it, and leave a run folder.

    Args:
        data: trades, a panel, a data frame of pandas, polars or arrow, or the path of a file; the splits are made
            from it.
        out: the run folder. It must be new, unless ``force`` replaces the run or ``resume`` goes on with it.
        model: a name in ``ostinato.models.MODELS``; None is the run's own when resuming, otherwise "lstm".
        options: fields of the model's config.
        training: fields of ``TrainingConfig``.
        recipe: fields of ``Recipe``: what is foreseen, how far ahead, how data are read and cut.
        seed: of weights, order and noise; None is the run's own when resuming, otherwise 0.
        augment: changes x (B, T, F) of scaled features while training.

    Raises:
        ConfigError: a name or a field is wrong, or resuming meets another one than the run was begun with.
        DataError: there are too few rows, or resuming meets other data.
        RunError: the folder cannot be used.
        NonFiniteError: the loss stopped being a number.
    """
    choices = choose(
        out, model, options=options, training=training, recipe=recipe, seed=seed, force=force, resume=resume
    )
    panel = panel_of(data, choices.recipe)
    return fit_chosen(choices, panel, device=device, watcher=watcher, augment=augment)


def fit_chosen(
    choices: Choices,
    panel: Panel,
    *,
    fold: Fold | None = None,
    device: str = "cpu",
    watcher: Watcher | None = None,
    augment: Augment | None = None,
) -> Fit:
    """``fit``, of choices that were made before the data were read; on a fold of them, None for the recipe's split."""
    trained = train_chosen(choices, panel, fold=fold, device=device, watcher=watcher, augment=augment)
    if trained.finished.stopped == "interrupted":
        return Fit(trained.run, trained.finished)
    return conclude(trained, panel)


@dataclass(frozen=True)
class Trained:
    """A run with its best weights, not yet judged."""

    run: Run
    finished: Finished
    fold: Fold


def train_chosen(
    choices: Choices,
    panel: Panel,
    *,
    fold: Fold | None = None,
    device: str = "cpu",
    watcher: Watcher | None = None,
    augment: Augment | None = None,
) -> Trained:
    """Train, and leave the test part alone."""
    ready = _prepared(choices, panel, fold, device)
    folder = RunFolder.create(choices.folder.path, force=choices.force, resume=choices.resume)
    if choices.changed:
        write_config(folder.config, ready.config)
    finished = _train(ready, panel, choices, folder, watcher, augment)
    run = Run(folder, ready.config, ready.recipe, choices.how, ready.model.eval())
    return Trained(run, finished, ready.fold)


def rehearse(choices: Choices, panel: Panel, fold: Fold | None = None, device: str = "cpu") -> None:
    """All that comes before a training, so that what is wrong with the data is said before anything is replaced.

    Raises:
        DataError, ConfigError: as ``fit``.
    """
    _prepared(choices, panel, fold, device)


@dataclass(frozen=True)
class _Prepared:
    """Everything that a training needs but a folder."""

    config: RunConfig
    recipe: Recipe
    fold: Fold
    model: SequenceLayer  # new, with features, scaler and base fitted
    x: Tensor  # (N, F) scaled features of the rows that training and validation look at
    question: TrainingProblem


def _prepared(choices: Choices, panel: Panel, fold: Fold | None, device: str) -> _Prepared:
    """Touches no folder: what is wrong with the data is said before a run is replaced."""
    config, recipe = choices.of(panel, fold)
    fold = fold or recipe.folds(panel)[0]
    with drawing_from(Generators(config.seed)):
        model = forecast_model(recipe, *network_section(config)).to(device)
    _check_long_enough(panel, fold, recipe, parts_of(model).network)
    check_numbers(len(fold.validation) + len(fold.test), numbers(model.output_size or 1))
    raw = raw_rows(recipe, panel)[: int(fold.used.max()) + 1].to(device_of(model))
    x = scaled_features(model, raw, panel, fold.train)
    question = target_of(recipe).training_problem(model, panel, raw, x, fold)
    question = TrainingProblem(question.target.to(x), question.weight.to(x), question.losses)
    if not bool((question.weight[torch.from_numpy(fold.validation).to(x.device)] > 0).any()):
        raise DataError("no row of the validation part has a label. Bring more data, or look less far ahead.")
    return _Prepared(config, recipe, fold, model, x, question)


def _train(
    ready: _Prepared,
    panel: Panel,
    choices: Choices,
    folder: RunFolder,
    watcher: Watcher | None,
    augment: Augment | None,
) -> Finished:
    model, x, question, fold = ready.model, ready.x, ready.question, ready.fold
    network, how = parts_of(model).network, choices.how
    trainer = Trainer(
        network,
        _sampler(x, question, panel, fold.train, network, how),
        question.losses,
        lambda layer: _validation_loss(layer, x, question, panel, fold.validation),
        how,
        Keeper(folder, network, whole=model),
        watcher,
        augment,
    )
    if choices.resume:
        trainer.resume()
    return trainer.run()


def scaled_features(model: SequenceLayer, raw: Tensor, panel: Panel, train: np.ndarray) -> Tensor:
    """Scaled features (N, F), computed once: neither features nor scaler learn. The scaler sees training rows only."""
    parts = parts_of(model)
    x = stream(parts.features, raw, panel)
    parts.scaler.fit(x[torch.from_numpy(train).to(x.device)])
    return stream(parts.scaler, x, panel).clone()  # a tensor of inference mode cannot be trained on


def _sampler(
    x: Tensor,
    question: TrainingProblem,
    panel: Panel,
    train: np.ndarray,
    network: SequenceLayer,
    how: TrainingConfig,
) -> Streams | Windows:
    rows = torch.from_numpy(train).to(x.device)
    series = panel.series[train]
    starts = (
        None if len(panel.starts) == 1 else torch.from_numpy(np.diff(series, prepend=-1) != 0).to(x.device)
    )
    steps = Steps(x[rows], question.target[rows], question.weight[rows], starts)
    if how.sampler == "windows":
        length = how.window or (WINDOW if network.recurrent else int(network.receptive_field))
        return Windows(steps, length, how.windows, how.seed)
    streams = min(how.streams, len(steps))
    if how.update_every is None:  # full back-propagation: a stream is one slice
        return Streams(steps, streams, len(steps), how.seed, jitter=False)
    return Streams(steps, streams, how.update_every, how.seed, how.jitter)


def _validation_loss(
    layer: SequenceLayer, x: Tensor, question: TrainingProblem, panel: Panel, rows: np.ndarray
) -> float:
    """Mean loss on some rows. Streams begin at row 0, or where the model cannot tell the difference."""
    starts = panel.starts
    first = 0
    if len(starts) == 1 and not layer.recurrent:
        first = max(int(rows[0]) - int(layer.receptive_field) + 1, 0)
    counts = torch.zeros_like(question.weight)
    counts[torch.from_numpy(rows).to(counts.device)] = 1
    counts = counts * question.weight
    x = x[first : int(rows[-1]) + 1]
    total = weight = 0.0
    for places, y in pieces_of(layer, x, starts if first == 0 else np.zeros(1, np.int64)):
        places = places + first
        counted_here = counts[places] > 0
        if bool(counted_here.any()):
            places, y = places[counted_here], y[counted_here]
            losses = question.losses(y, question.target[places]).double()
            total += float((losses * counts[places]).sum())
            weight += float(counts[places].sum())
    return total / weight


def conclude(
    trained: Trained,
    panel: Panel,
    rivals: BaselineScores | None = None,
    beside: LiveBaselines | None = None,
) -> Fit:
    """Judge the best weights on the way that live input takes: raw rows through the whole model.

    Args:
        rivals: of the baselines on the labelled test rows, where they are known already.
        beside: those that the run is to carry, likewise.
    """
    run, finished, fold = trained.run, trained.finished, trained.fold
    rows = np.concatenate([fold.validation, fold.test])
    forecasts = foresee(run, panel, rows)
    evaluation = judge(run.recipe, panel, rows, forecasts, fold, rivals=rivals)
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    results = Results(
        measure=target_of(run.recipe).measure,
        test=evaluation.test,
        validation=evaluation.validation,
        baselines=evaluation.baselines,
        baseline_settings=evaluation.scored.settings,
        tests=SkillTests(diebold_mariano=evaluation.skill),
        training=TrainingFacts(seconds=finished.seconds, epochs=finished.epochs, stopped=finished.stopped),
        model=ModelFacts(
            parameters=parameters, step_us=step_microseconds(run.model, raw_rows(run.recipe, panel))
        ),
        parts=part_facts(panel, fold),
    )
    test = forecasts[len(fold.validation) :]
    write_predictions(run.folder.predictions, _test_frame(run.recipe, panel, fold.test, test))
    carried = beside or fitted_beside(target_of(run.recipe), panel, fold)
    write_baselines(run.folder.baselines, carried)
    write_results(run.folder.metrics, results)
    return Fit(run, finished, evaluation, results)


def part_facts(panel: Panel, fold: Fold) -> dict[str, PartFacts]:
    """How many rows each part has, and when they lie."""
    facts = {}
    for name, rows in (("train", fold.train), ("validation", fold.validation), ("test", fold.test)):
        times = panel.time[rows]
        facts[name] = PartFacts(rows=len(rows), first=float(times.min()), last=float(times.max()))
    return facts


def _test_frame(recipe: Recipe, panel: Panel, rows: np.ndarray, forecasts: np.ndarray) -> Any:
    """Every forecast of the test part, or of every k-th row where there are very many horizons."""
    told = foreseeable(recipe, panel)[rows]
    told &= True if panel.observed is None else panel.observed[rows]
    every = -(-len(rows) * len(recipe.ahead) // MOST_LINES)
    kept = np.flatnonzero(told)[::every]
    return target_of(recipe).frame(panel, rows[kept], forecasts[kept])


def _check_long_enough(panel: Panel, fold: Fold, recipe: Recipe, network: SequenceLayer) -> None:
    """The train part must be longer than features and network look back, or they mostly see the empty time before.

    The test part must have rows enough for the tests of skill.
    """
    row = {"trades": "trade", "bars": "bar", "table": "row"}[panel.kind]
    sees = 1 if network.recurrent else int(network.receptive_field)
    windows = {"network": sees}
    if recipe.kind == "trades":
        windows["features"] = max(recipe.feature_windows, default=2)
    rows = len(fold.used) + len(fold.test)
    for owner, needed in windows.items():
        if len(fold.train) < needed:
            raise DataError(
                f"{too_few(rows, row)}: {len(fold.train):,} to train on, and the longest window of "
                f"the {owner} is {needed:,}. Bring more {row}s, or choose shorter windows."
            )
    labelled = len(target_of(recipe).labelled(panel, fold.test))
    if labelled < FEWEST_ROWS:
        raise DataError(
            f"{too_few(rows, row)}: the test part has {counted(labelled, row)} with a label, at least "
            f"{FEWEST_ROWS:,} are needed to judge by{unlabelled(panel, fold.test, recipe, row)}. Bring more {row}s."
        )


def unlabelled(panel: Panel, rows: np.ndarray, recipe: Recipe, row: str) -> str:
    """Why rows of the test part have no label, to follow a sentence; "" where all have one."""
    late = rows + recipe.purge >= panel.ends[panel.series[rows]]
    missing = np.zeros(len(rows), bool) if panel.observed is None else ~panel.observed[rows]
    future = len(panel) - int((panel.ends - panel.starts).sum())
    told = [
        f"{counted(int(late.sum()), row)} less than {recipe.purge + 1:,} before the end"
        if late.any()
        else "",
        f"{counted(int((missing & ~late).sum()), row)} missing in the source"
        if (missing & ~late).any()
        else "",
        f"{counted(future, row)} of the future do not count" if future else "",
    ]
    why = "; ".join(reason for reason in told if reason)
    return f" ({why})" if why else ""

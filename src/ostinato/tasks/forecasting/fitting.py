"""Fitting a forecast and leaving a run folder.

Axes: N rows, F features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from ...core import SequenceLayer
from ...data.report import too_few
from ...data.splits import Part, Split
from ...data.steps import Steps
from ...data.streams import Streams
from ...data.trades import Trades
from ...data.windows import Windows
from ...errors import DataError
from ...evaluation.diebold_mariano import FEWEST_ROWS
from ...layers import Chain
from ...runs.folder import RunFolder
from ...runs.format import write_config
from ...runs.predictions import write_predictions
from ...runs.results import ModelFacts, Results, SkillTests, TrainingFacts, write_results
from ...training import Finished, Trainer, TrainingConfig
from ...training.keeping import Keeper
from ...training.loop import Augment
from ...training.progress import Watcher
from . import direction
from .choosing import Choices, choose
from .evaluating import Evaluation, judge
from .model import device_of, forecast_model, step_microseconds, stream
from .opening import Run, network_section
from .predicting import foresee, prediction_frame
from .recipe import Recipe

WINDOW = 64  # steps of a training window for a model without a window of its own


@dataclass(frozen=True)
class Fit:
    """What came of it. ``evaluation`` and ``results`` are None if it was interrupted."""

    run: Run
    finished: Finished
    evaluation: Evaluation | None = None
    results: Results | None = None


def fit(
    trades: Trades,
    out: Path | str,
    model: str | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    seed: int | None = None,
    device: str = "cpu",
    force: bool = False,
    resume: bool = False,
    watcher: Watcher | None = None,
    augment: Augment | None = None,
) -> Fit:
    """Train a model to foresee the next trade, judge it, and leave a run folder.

    Args:
        trades: in the order of time; the splits are made from them.
        out: the run folder. It must be new, unless ``force`` replaces the run or ``resume`` goes on with it.
        model: a name in ``ostinato.models.MODELS``; None is the run's own when resuming, otherwise "lstm".
        options: fields of the model's config.
        training: fields of ``TrainingConfig``.
        data: fields of ``Recipe``.
        seed: of weights, order and noise; None is the run's own when resuming, otherwise 0.
        augment: changes x (B, T, F) of scaled features while training.

    Raises:
        ConfigError: a name or a field is wrong, or resuming meets another one than the run was begun with.
        DataError: there are too few trades, or resuming meets other trades.
        RunError: the folder cannot be used.
        NonFiniteError: the loss stopped being a number.
    """
    choices = choose(
        out, model, options=options, training=training, data=data, seed=seed, force=force, resume=resume
    )
    return fit_chosen(choices, trades, device=device, watcher=watcher, augment=augment)


def fit_chosen(
    choices: Choices,
    trades: Trades,
    *,
    device: str = "cpu",
    watcher: Watcher | None = None,
    augment: Augment | None = None,
) -> Fit:
    """``fit``, of choices that were made before the trades were read."""
    config, recipe = choices.of(trades)
    split = recipe.split(len(trades))
    _check_long_enough(split, recipe, choices.network)
    folder = RunFolder.create(choices.folder.path, force=choices.force, resume=choices.resume)
    if choices.changed:
        write_config(folder.config, config)
    torch.manual_seed(config.seed)
    name, network_options = network_section(config)
    chain = forecast_model(recipe, name, network_options).to(device)
    how = choices.how
    finished = _train(chain, trades, split, recipe, how, folder, choices.resume, watcher, augment)
    run = Run(folder, config, recipe, how, chain.eval())
    if finished.stopped == "interrupted":
        return Fit(run, finished)
    return _conclude(run, finished, trades, split)


def _train(
    chain: Chain,
    trades: Trades,
    split: Split,
    recipe: Recipe,
    how: TrainingConfig,
    folder: RunFolder,
    resume: bool,
    watcher: Watcher | None,
    augment: Augment | None,
) -> Finished:
    network: SequenceLayer = chain.network  # type: ignore[assignment]
    x = scaled_features(chain, recipe.raw(trades)[: split.validation.stop], split.train)
    up = torch.from_numpy(direction.labels(trades.price)[: split.validation.stop]).to(x)
    trainer = Trainer(
        network,
        _sampler(x[: split.train.stop], up[: split.train.stop], network, how),
        direction.losses,
        lambda layer: _validation_loss(layer, x, up, split.validation),
        how,
        Keeper(folder, network, whole=chain),
        watcher,
        augment,
    )
    if resume:
        trainer.resume()
    return trainer.run()


def scaled_features(chain: Chain, raw: Tensor, train: Part) -> Tensor:
    """Scaled features (N, F), computed once: neither features nor scaler learn. The scaler sees training rows only."""
    features, scaler = chain.features, chain.scaler
    x = stream(features, raw.to(device_of(chain)))  # type: ignore[arg-type]
    scaler.fit(x[train.rows])  # type: ignore[operator,union-attr]
    return stream(scaler, x).clone()  # type: ignore[arg-type]  # a tensor of inference mode cannot be trained on


def _sampler(x: Tensor, target: Tensor, network: SequenceLayer, how: TrainingConfig) -> Streams | Windows:
    steps = Steps(x, target, torch.ones_like(target))
    if how.sampler == "windows":
        length = how.window or (WINDOW if network.recurrent else int(network.receptive_field))
        return Windows(steps, length, how.windows, how.seed)
    streams = min(how.streams, len(steps))
    if how.update_every is None:  # full back-propagation: a stream is one slice
        return Streams(steps, streams, len(steps), how.seed, jitter=False)
    return Streams(steps, streams, how.update_every, how.seed, how.jitter)


def _validation_loss(layer: SequenceLayer, x: Tensor, up: Tensor, part: Part) -> float:
    """Mean loss on a part. The stream begins at row 0, or where the model cannot tell the difference."""
    start = 0 if layer.recurrent else max(part.start - int(layer.receptive_field) + 1, 0)
    y = stream(layer, x[start : part.stop])[part.start - start :]
    return float(direction.losses(y, up[part.rows]).double().mean())


def _conclude(run: Run, finished: Finished, trades: Trades, split: Split) -> Fit:
    """Judge the best weights on the way that live input takes: raw rows through the whole chain."""
    p_up = foresee(run, trades)
    evaluation = judge(run.recipe, trades, p_up, split)
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    results = Results(
        test=evaluation.test,
        validation=evaluation.validation,
        baselines=evaluation.baselines,
        tests=SkillTests(diebold_mariano=evaluation.skill),
        training=TrainingFacts(seconds=finished.seconds, epochs=finished.epochs, stopped=finished.stopped),
        model=ModelFacts(parameters=parameters, step_us=step_microseconds(run.model, run.recipe.raw(trades))),
    )
    write_predictions(run.folder.predictions, _test_predictions(trades, p_up, split))
    write_results(run.folder.metrics, results)
    return Fit(run, finished, evaluation, results)


def _test_predictions(trades: Trades, p_up: np.ndarray, split: Split) -> pl.DataFrame:
    return prediction_frame(trades, p_up, np.arange(split.test.start, split.test.stop))


def _check_long_enough(split: Split, recipe: Recipe, network: SequenceLayer) -> None:
    """The train part must be longer than features and network look back, or they mostly see the empty time before.

    The test part must have rows enough for the tests of skill.
    """
    sees = 1 if network.recurrent else int(network.receptive_field)
    windows = {"features": max(recipe.feature_windows, default=2), "network": sees}
    for owner, needed in windows.items():
        if len(split.train) < needed:
            raise DataError(
                f"{too_few(recipe.rows, 'trade')}: {len(split.train):,} to train on, and the longest window of "
                f"the {owner} is {needed:,}. Bring more trades, or choose shorter windows."
            )
    labelled = len(split.test) - recipe.horizon
    if labelled < FEWEST_ROWS:
        raise DataError(
            f"{too_few(recipe.rows, 'trade')}: the test part has {labelled:,} with a label, at least "
            f"{FEWEST_ROWS:,} are needed to judge by. Bring more trades."
        )

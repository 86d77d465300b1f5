"""Prepare training: labels, scaled features, the sampler, and the validation loss.

Axes: N rows, F features.
"""

import numpy as np
import torch
from torch import Tensor

from ...core import SequenceLayer, device_of, numbers
from ...data.folds import Fold
from ...data.panel import Panel
from ...data.report import counted, too_few
from ...data.steps import Steps
from ...data.streams import Streams
from ...data.windows import Windows
from ...errors import DataError
from ...evaluation.diebold_mariano import FEWEST_ROWS
from ...experiment.task import Prepared
from ...training import TrainingConfig
from .features import raw_rows
from .model import parts_of
from .predicting import check_numbers
from .recipe import Recipe
from .streaming import pieces_of, stream
from .targets import TrainingProblem, target_of

WINDOW = 64  # steps of a training window for a model without a window of its own


def prepare(
    recipe: Recipe, panel: Panel, fold: Fold, model: SequenceLayer, training: TrainingConfig
) -> Prepared:
    """Fit the scaler and the linear path on the training rows, and prepare the training data of the network.

    Raises:
        DataError: the data are too few.   ConfigError: forecasts would be more than memory holds.
    """
    network = parts_of(model).network
    _check_long_enough(panel, fold, recipe, network)
    check_numbers(len(fold.validation) + len(fold.test), numbers(model.output_size or 1))
    raw = raw_rows(recipe, panel)[: int(fold.used.max()) + 1].to(device_of(model))
    x = scaled_features(model, raw, panel, fold.train)
    problem = target_of(recipe).training_problem(model, panel, raw, x, fold)
    problem = TrainingProblem(problem.target.to(x), problem.weight.to(x), problem.losses)
    if not bool((problem.weight[torch.from_numpy(fold.validation).to(x.device)] > 0).any()):
        raise DataError("no row of the validation part has a label. Bring more data, or look less far ahead.")
    return Prepared(
        _sampler(x, problem, panel, fold.train, network, training),
        problem.losses,
        lambda layer: _validation_loss(layer, x, problem, panel, fold.validation),
    )


def scaled_features(model: SequenceLayer, raw: Tensor, panel: Panel, train: np.ndarray) -> Tensor:
    """Scaled features (N, F), computed once: neither features nor scaler learn. The scaler sees training rows only."""
    parts = parts_of(model)
    x = stream(parts.features, raw, panel)
    parts.scaler.fit(x[torch.from_numpy(train).to(x.device)])
    return stream(parts.scaler, x, panel).clone()  # a tensor of inference mode cannot be trained on


def _sampler(
    x: Tensor,
    problem: TrainingProblem,
    panel: Panel,
    train: np.ndarray,
    network: SequenceLayer,
    training: TrainingConfig,
) -> Streams | Windows:
    rows = torch.from_numpy(train).to(x.device)
    series = panel.series[train]
    starts = (
        None if len(panel.starts) == 1 else torch.from_numpy(np.diff(series, prepend=-1) != 0).to(x.device)
    )
    steps = Steps(x[rows], problem.target[rows], problem.weight[rows], starts)
    if training.sampler == "windows":
        length = training.window or (WINDOW if network.recurrent else int(network.receptive_field))
        return Windows(steps, length, training.windows, training.seed)
    streams = min(training.streams, len(steps))
    if training.update_every is None:  # full back-propagation: a stream is one slice
        return Streams(steps, streams, len(steps), training.seed, jitter=False)
    return Streams(steps, streams, training.update_every, training.seed, training.jitter)


def _validation_loss(
    layer: SequenceLayer, x: Tensor, problem: TrainingProblem, panel: Panel, rows: np.ndarray
) -> float:
    """Mean loss on some rows. Streams begin at row 0, or as late as makes no difference to the model."""
    starts = panel.starts
    first = 0
    if len(starts) == 1 and not layer.recurrent:
        first = max(int(rows[0]) - int(layer.receptive_field) + 1, 0)
    counts = torch.zeros_like(problem.weight)
    counts[torch.from_numpy(rows).to(counts.device)] = 1
    counts = counts * problem.weight
    x = x[first : int(rows[-1]) + 1]
    total = weight = 0.0
    for places, y in pieces_of(layer, x, starts if first == 0 else np.zeros(1, np.int64)):
        places = places + first
        counted_here = counts[places] > 0
        if bool(counted_here.any()):
            places, y = places[counted_here], y[counted_here]
            losses = problem.losses(y, problem.target[places]).double()
            total += float((losses * counts[places]).sum())
            weight += float(counts[places].sum())
    return total / weight


def _check_long_enough(panel: Panel, fold: Fold, recipe: Recipe, network: SequenceLayer) -> None:
    """Refuse a train part that is not longer than features and network look back.

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
    reasons = [
        f"{counted(int(late.sum()), row)} less than {recipe.purge + 1:,} before the end"
        if late.any()
        else "",
        f"{counted(int((missing & ~late).sum()), row)} missing in the source"
        if (missing & ~late).any()
        else "",
        f"{counted(future, row)} of the future do not count" if future else "",
    ]
    why = "; ".join(reason for reason in reasons if reason)
    return f" ({why})" if why else ""

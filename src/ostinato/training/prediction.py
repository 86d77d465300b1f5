"""Predictions and mean loss of a model on whole examples, without training.

Axes: E examples, O features of an answer.
"""

import torch
from torch import Tensor

from ..core import SequenceLayer
from ..data.piece import Sampler
from ..errors import DataError
from .objective import Objective, weighted_mean


def mean_loss(model: SequenceLayer, sampler: Sampler, objective: Objective) -> float:
    """Mean loss over all answers of an epoch, each by its weight; of a sampler whose pieces stand alone.

    Args:
        model: in ``eval()``.

    Raises:
        DataError: no example has a label.
    """
    total = weight = 0.0
    with torch.inference_mode():
        for piece in sampler.epoch(0):
            if here := float(piece.weight.sum()):
                answers = piece.answers.ask(model, piece.x, piece.lengths)
                total += here * float(weighted_mean(objective, answers, piece.target, piece.weight))
                weight += here
    if not weight:
        raise DataError("no example has a label to be scored by: every weight is 0.")
    return total / weight


def predict_examples(model: SequenceLayer, sampler: Sampler) -> Tensor:
    """One prediction per example, (E, O), in the order of the examples, whatever the order of the batches.

    Args:
        model: in ``eval()``.
        sampler: hands out every example once, whole; each has one answer.
    """
    found, items = [], []
    with torch.inference_mode():
        for piece in sampler.epoch(0):
            assert piece.items is not None
            found.append(piece.answers.ask(model, piece.x, piece.lengths))
            items.append(piece.items)
    return torch.cat(found)[torch.cat(items).argsort()]

"""Learning curves, from metrics.jsonl."""

import math
from typing import Any

import numpy as np

from .figures import MOST_POINTS, OTHER, OURS, RIVAL, Figure, line, marks
from .numbers import count, number


def learning_curves(log: list[Any], stopped: str) -> Figure | None:
    """Training and validation loss by epoch, the best marked; None where the log holds no loss.

    Args:
        log: records with "epoch" (counted from 0), "train_loss" or "loss", and "validation_loss".
        stopped: why the training ended; empty where that is not known.
    """
    records = [record for record in log if isinstance(record, dict)]
    epoch = np.array([_number(record.get("epoch")) for record in records])
    train = np.array([_number(record.get("train_loss", record.get("loss"))) for record in records])
    validation = np.array([_number(record.get("validation_loss")) for record in records])
    if not np.any(np.isfinite(train) | np.isfinite(validation)):
        return None
    epoch = np.where(np.isfinite(epoch), epoch, np.arange(len(epoch)))
    epoch += 1 - min(epoch.min(), 1)  # as people count
    every = -(-len(epoch) // MOST_POINTS)
    traces = []
    for name, losses, color, dash in (
        ("training", train, OTHER, "dot"),
        ("validation", validation, OURS, "solid"),
    ):
        if np.any(np.isfinite(losses)):
            curve = line(epoch[::every], losses[::every], name, color, dash=dash, width=2)
            traces.append(curve | {"mode": "lines+markers", "marker": {"size": 5, "color": color}})
    ended = f" The training ended: {stopped}." if stopped else ""
    if not np.any(np.isfinite(validation)):
        return Figure(
            "Loss by epoch", f"Training loss over {count(len(epoch))} evaluations.{ended}", traces, _X
        )
    best = int(np.nanargmin(validation))
    traces.append(marks([epoch[best]], [validation[best]], "best, kept", RIVAL, symbol="star", size=13))
    first = validation[np.isfinite(validation)][0]
    summary = (
        f"Validation loss went from {number(first)} to {number(validation[best])}, its lowest, after epoch "
        f"{count(epoch[best])} of {count(epoch.max())}; these weights were kept.{ended} Losses are those that training "
        "minimises, in its own units, and may differ from the table's."
    )
    return Figure("Loss by epoch", summary, traces, _X, {"title": "loss"})


_X = {"title": "epoch", "tickformat": ",d"}


def _number(value: Any) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if usable and math.isfinite(value) else math.nan

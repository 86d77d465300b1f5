"""The model of a forecast: features, scaling and network in one chain, so that live input takes the same way.

Axes: N rows, F features, O outputs.
"""

import time
from collections.abc import Mapping
from statistics import median
from typing import Any

import torch
from torch import Tensor

from ...core import SequenceLayer
from ...layers import Chain, StandardScaler, TradeFeatures
from ...models import build
from . import direction
from .recipe import Recipe

CHUNK = 2048  # rows at a time: bounds memory, and is long enough that calls cost nothing


def forecast_model(recipe: Recipe, name: str, options: Mapping[str, Any]) -> Chain:
    """Chain of ``features``, ``scaler`` and ``network``.

    Raises:
        ConfigError: the network's name or options are wrong.
    """
    features = TradeFeatures(recipe.feature_windows)
    size = features.output_size
    assert size is not None
    return Chain(
        features=features,
        scaler=StandardScaler(size),
        network=build(name, options, size, direction.OUTPUTS),
    )


def stream(layer: SequenceLayer, x: Tensor, chunk: int = CHUNK) -> Tensor:
    """y (N, O) for x (N, F), run as one stream of ``chunk`` rows at a time, without gradients."""
    state, outputs = None, []
    with torch.inference_mode():
        for piece in x[None].split(chunk, dim=1):
            y, state = layer(piece, state)
            outputs.append(y[0])
    return torch.cat(outputs)


def step_microseconds(model: SequenceLayer, raw: Tensor, steps: int = 200) -> float:
    """Median time of one live step, one row, in µs."""
    rows = raw[: steps + 20].to(device_of(model))
    state, times = None, []
    with torch.inference_mode():
        for place in range(len(rows)):
            began = time.perf_counter()
            _, state = model(rows[None, place : place + 1], state)
            times.append(time.perf_counter() - began)
    return 1e6 * median(times[min(20, len(times) - 1) :])  # the first ones warm up


def device_of(model: SequenceLayer) -> torch.device:
    """Where a model's weights are."""
    return next(model.parameters()).device

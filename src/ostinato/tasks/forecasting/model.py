"""The model of a forecast: features, scaler and network in one chain, which live rows pass through as well.

Axes: N rows, I columns.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...core import SequenceLayer, numbers
from ...layers import Anchored, Chain, Parallel, Regression, StandardScaler
from ...models import OutputHead, build
from .features import features_of
from .recipe import Recipe
from .targets import target_of


class ModelParts(NamedTuple):
    """The parts of the model of a forecast."""

    features: SequenceLayer
    scaler: StandardScaler
    network: SequenceLayer


def forecast_model(recipe: Recipe, name: str, options: Mapping[str, Any]) -> SequenceLayer:
    """Chain of ``features``, ``scaler`` and ``network``; for values, a linear path beside the network, and all of it
    anchored where the series is.

    Raises:
        ConfigError: the network's name or options are wrong.
    """
    target = target_of(recipe)
    features = features_of(recipe)
    size = numbers(features.output_size or 0)
    # beside a linear path the network starts at zero, so that training starts from the linear forecast
    network = build(name, options, size, OutputHead(target.outputs, zero=bool(target.quantities)))
    if target.quantities:
        network = Parallel(learnt=network, linear=Regression(size, target.quantities))
    return target.build_model(Chain(features=features, scaler=StandardScaler(size), network=network))


def parts_of(model: SequenceLayer) -> ModelParts:
    """The parts of a model that ``forecast_model`` made."""
    body = model.body if isinstance(model, Anchored) else model
    return ModelParts(body.features, body.scaler, body.network)  # type: ignore[arg-type]

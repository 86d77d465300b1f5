"""Small panels of every kind, and forecasts of them that nobody trained."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from contract.registry.models import LOOKBACK, MODEL_OPTIONS
from ostinato.data.panel import Panel
from ostinato.tasks.forecasting.model import forecast_model, parts_of
from ostinato.tasks.forecasting.recipe import Recipe, recipe_from
from ostinato.tasks.forecasting.streaming import stream

HOUR = 3600.0
START = 1.6e9


@dataclass(frozen=True)
class Named:
    """As little of a report as a panel can do with."""

    source: str = "made up"

    def lines(self) -> list[str]:
        return ["made up"]


def bars(rows: int = 400, seed: int = 0) -> Panel:
    """Hourly bars of a price that wanders."""
    generator = np.random.default_rng(seed)
    close = 100 * np.exp(0.01 * generator.standard_normal(rows).cumsum())
    opened = close * (1 + 0.002 * generator.standard_normal(rows))
    values = {
        "open": opened,
        "high": np.maximum(opened, close) * 1.001,
        "low": np.minimum(opened, close) * 0.998,
        "close": close,
        "volume": generator.integers(0, 5, rows).astype(float),
    }
    time = START + HOUR * np.arange(rows)
    return Panel("bars", time, values, Named(), step=HOUR, season=24, bars="")


def table(*lengths: int, seed: int = 0) -> Panel:
    """Hourly series, all of which end at the same time, with two targets, a covariate and a column known in advance."""
    lengths = lengths or (400,)
    generator = np.random.default_rng(seed)
    rows = sum(lengths)
    values = {name: generator.standard_normal(rows).cumsum() for name in ("a", "b", "c")}
    values["k"] = generator.standard_normal(rows)
    time = np.concatenate([START + HOUR * (max(lengths) - n + np.arange(n)) for n in lengths])
    starts = np.cumsum([0, *lengths[:-1]])
    ids = tuple(f"s{place}" for place in range(len(lengths))) if len(lengths) > 1 else ("",)
    return Panel(
        "table",
        time,
        values,
        Named(),
        starts.astype(np.int64),
        ids,
        step=HOUR,
        season=24,
        targets=("a", "b"),
        known=("k",),
    )


OF_BARS: dict[str, Any] = LOOKBACK | {"scale_halflife": 20.0}
OF_TABLES: dict[str, Any] = LOOKBACK | {"target": "a,b", "known": ["k"], "horizons": [1, 4]}


def recipe_for(panel: Panel, **fields: Any) -> Recipe:
    """A recipe with the facts of a panel."""
    usual = OF_TABLES if panel.kind == "table" else OF_BARS
    return recipe_from(usual | fields).of(panel)


def untrained(recipe: Recipe, name: str = "lstm", seed: int = 0) -> Any:
    """A forecast whose weights are random, in float64, the last ones too: whatever it could see shows."""
    torch.manual_seed(seed)
    model = forecast_model(recipe, name, MODEL_OPTIONS[name]).double().eval()
    for parameter in parts_of(model).network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.3)
    return model


def changed(panel: Panel, rows: np.ndarray, *names: str) -> Panel:
    """Other numbers in some rows of some columns."""
    values = dict(panel.values)
    for name in names:
        values[name] = values[name].copy()
        values[name][rows] = 1.7 * values[name][rows] + 0.3
    return replace(panel, values=values)


def features_of(model: Any, raw: torch.Tensor, panel: Panel) -> torch.Tensor:
    """Scaled features of raw rows, by a scaler that nobody fitted."""
    parts = parts_of(model)
    return stream(parts.scaler, stream(parts.features, raw, panel), panel)

"""The models, and whole forecasts as they are trained and lived on."""

from functools import partial
from typing import Any

from torch import nn

from contract.inputs import bars, table, trades
from contract.registry.case import Case
from ostinato.checks import Draw
from ostinato.core import SequenceLayer
from ostinato.models import build
from ostinato.tasks.forecasting.model import forecast_model
from ostinato.tasks.forecasting.recipe import Recipe

# small, but with what a fault could hide in: two layers, a dilation beyond the steps of the checks, odd windows
MODEL_OPTIONS: dict[str, dict[str, Any]] = {
    "cnn": {"window": 7, "channels": [4, 3], "units": 4},
    "gru": {"units": 5, "layers": 2},
    "lstm": {"units": 5, "layers": 2},
    "mlp": {"window": 5, "units": 4, "layers": 2},
    "rnn": {"units": 5, "layers": 2},
    "tcn": {"channels": 4, "levels": 5, "kernel_size": 2},
}


def model(name: str) -> SequenceLayer:
    return build(name, MODEL_OPTIONS[name], input_size=3, head=2)


OHLCV = ("open", "high", "low", "close", "volume")


LOOKBACK: dict[str, Any] = {"lags": (1, 3), "halflives": (2.0, 7.0), "volatilities": (3.0,)}


OF_BARS: dict[str, Any] = LOOKBACK | {"kind": "bars", "inputs": OHLCV, "calendar": ("hour", "weekday")}


# what a forecast trains and runs live, as ``ostinato.tasks.forecasting`` makes it: one of each kind
RECIPES: dict[str, tuple[Recipe, Draw]] = {
    "forecast": (Recipe(feature_windows=(3, 5)), trades),
    "forecast-return": (
        Recipe(target="return", horizon=3, form="student_t", feature_windows=(3, 5), scale_halflife=4.0),
        trades,
    ),
    "forecast-bars": (Recipe(**OF_BARS, horizon=2), bars),
    "forecast-bars-return": (Recipe(**OF_BARS, target="return", horizons=(1, 4), scale_halflife=5.0), bars),
    "forecast-table": (
        Recipe(
            **LOOKBACK,
            kind="table",
            target="a,b",
            targets=("a", "b"),
            inputs=("a", "b", "c", "k"),
            known=("k",),
            horizons=(1, 3),
            form="free_quantiles",
            levels=(0.1, 0.5, 0.9),
            calendar=("hour",),
        ),
        table,
    ),
}


def forecast(kind: str, name: str) -> SequenceLayer:
    """A whole forecast: features, scaler and network, anchored where values are foreseen."""
    made = forecast_model(RECIPES[kind][0], name, MODEL_OPTIONS[name])
    for parameter in made.parameters():
        if not parameter.any():  # what begins at 0 would hide the network behind it
            nn.init.normal_(parameter, std=0.3)
    return made


CASES: dict[str, Case] = {
    **{f"model-{name}": Case(partial(model, name)) for name in MODEL_OPTIONS},
    **{
        f"{kind}-{name}": Case(partial(forecast, kind, name), draw)
        for kind, (_, draw) in RECIPES.items()
        for name in MODEL_OPTIONS
    },
}

# Combinations that only the slow tests hold to the contract. The others show every kind of data with a network that
# streams and with one on windows, and every network with one kind.
CROSSED = {
    f"{kind}-{name}" for kind in list(RECIPES)[1:] for name in MODEL_OPTIONS if name not in ("gru", "mlp")
}

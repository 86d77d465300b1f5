"""Training defaults for each model, where they differ from those of ``TrainingConfig``.

Chosen by validation log-loss on the real trades and the simulated market, never on a test part; the search is
``benchmarks/bench_defaults.py``.
"""

from typing import Any

from pydantic import ValidationError

from ...errors import ConfigError
from ...models.registry import explain
from ...training import TrainingConfig

_WINDOWS = {"sampler": "windows", "windows": 256, "epochs": 6, "patience": 3, "weight_decay": 0.3}
_RECURRENT = {"weight_decay": 0.3, "input_noise": 0.1}

DEFAULTS: dict[str, dict[str, Any]] = {
    "cnn": _WINDOWS,
    "gru": _RECURRENT,
    "lstm": _RECURRENT,
    "mlp": _WINDOWS,
    "rnn": _RECURRENT,
    "tcn": {"streams": 8, "update_every": 64, "weight_decay": 0.3},
}


def training_config(model: str, options: dict[str, Any], seed: int) -> TrainingConfig:
    """The validated training section for a model.

    Raises:
        ConfigError: a field is unknown or out of range.
    """
    try:
        return TrainingConfig.model_validate({"seed": seed} | DEFAULTS.get(model, {}) | options)
    except ValidationError as error:
        raise ConfigError(explain(error, "training", list(TrainingConfig.model_fields))) from None

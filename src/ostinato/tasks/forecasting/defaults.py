"""Training defaults for each model, where they differ from those of ``TrainingConfig``.

Chosen by validation loss: of directions on the real trades and the simulated market (``benchmarks/bench_defaults.py``),
where a setting leaves its plain value only if that gains more than the seeds differ, about 0.0005 on the mean of both;
of values on bars of two lengths and a table (``benchmarks/bench_value_defaults.py``), where of settings within one
standard error of the best the simplest is taken.
"""

from typing import Any

from .recipe import Recipe

_WINDOWS = {"sampler": "windows", "windows": 256, "epochs": 6, "patience": 3}

DEFAULTS: dict[str, dict[str, Any]] = {
    "cnn": _WINDOWS | {"weight_decay": 0.3},
    "mlp": _WINDOWS,
    "tcn": {"streams": 8, "update_every": 64, "weight_decay": 0.3},
}

# training begins where linear regression ends: slower, and held back
OF_VALUES: dict[str, Any] = {"learning_rate": 1e-3, "weight_decay": 0.3}
LONG = 24  # rows ahead; labels that look further overlap so much that an epoch holds few, and is taken slower


def defaults_of(model: str, recipe: Recipe) -> dict[str, Any]:
    """What differs from the defaults of ``TrainingConfig``."""
    if recipe.target == "direction":
        return DEFAULTS.get(model, {})
    slower = min(1.0, LONG / recipe.purge) ** 0.5
    rate = OF_VALUES["learning_rate"] * slower
    return DEFAULTS.get(model, {}) | OF_VALUES | {"learning_rate": float(f"{rate:.3g}")}

"""The search space of ``tune``: for each model, ranges and choices for fields of its network and its training.

A field that was fixed is not searched. The defaults always lie within the space: the first trial has them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..models import MODELS, config_for
from ..models.recurrent import RecurrentConfig
from ..training import TrainingConfig

Fixed = Mapping[str, Mapping[str, Any]]  # fields by section: model, training
Space = dict[str, "Dimension"]  # by address, such as "model.units"


@dataclass(frozen=True)
class Choice:
    """One of several values; ``only``: searched with this sampler alone."""

    values: tuple[Any, ...]
    only: str | None = None

    def including(self, value: Any) -> "Choice":
        """The same choice with ``value`` added if it is missing."""
        return self if value in self.values else replace(self, values=(*self.values, value))

    def distribution(self) -> Any:
        """The Optuna distribution; tuples are stored as text, because Optuna keeps none."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution([label(value) for value in self.values])

    def suggest(self, trial: Any, name: str) -> Any:
        """Ask the trial for a value, as a label."""
        return trial.suggest_categorical(name, [label(value) for value in self.values])

    def value(self, drawn: Any) -> Any:
        """The value that a label stands for."""
        return {label(value): value for value in self.values}[drawn]


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included: integers or floats, uniform or log-uniform."""

    low: float
    high: float
    log: bool = False
    only: str | None = None

    @property
    def is_integer(self) -> bool:
        """Whether the numbers are integers."""
        return isinstance(self.low, int)

    def including(self, value: Any) -> "Range":
        """The same range, widened to include ``value``."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))

    def distribution(self) -> Any:
        """The Optuna distribution."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.is_integer:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def suggest(self, trial: Any, name: str) -> Any:
        """Ask the trial for a value."""
        if self.is_integer:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def value(self, drawn: Any) -> Any:
        """The value itself."""
        return drawn


Dimension = Choice | Range

# fields of networks, wherever a model has one of that name
NETWORK: Space = {
    "units": Choice((16, 32, 64, 128)),
    "channels": Choice((16, 24, 32, 48, 64)),
    "layers": Range(1, 3),
    "levels": Range(2, 6),
    "kernel_size": Choice((2, 3, 5)),
    "window": Choice((8, 16, 32, 64)),
    "dropout": Range(0.0, 0.5),
}
# where a model has other values, or does not search the field
OF_MODELS: dict[str, Space] = {
    "cnn": {
        "channels": Choice(((16, 32), (32, 64), (64, 128), (32, 64, 128))),
        "kernel_size": Choice((3, 5, 7)),
    },
}
TRAINING: Space = {
    "sampler": Choice(("streams", "windows")),
    "streams": Choice((4, 8, 16, 32, 64), only="streams"),
    "update_every": Choice((16, 32, 64, 128, 256), only="streams"),
    "windows": Choice((64, 128, 256, 512), only="windows"),
    "window": Choice((16, 32, 64, 128), only="windows"),
    "learning_rate": Range(3e-4, 3e-2, log=True),
    "weight_decay": Choice((None, 0.0, 0.001, 0.01, 0.1, 0.3, 1.0)),
    "input_noise": Choice((0.0, 0.03, 0.1, 0.3)),
}
# An epoch of windows costs a network that carries a state, or sees far, as many epochs of streams as a window has
# steps. So both are searched where windows are short only; elsewhere a fixed sampler brings its own fields.
BOTH_SAMPLERS = ("cnn", "mlp")


@dataclass(frozen=True)
class ModelSpace:
    """The search space of one model, and its defaults within it; fixed fields have their values."""

    model: str
    space: Space
    defaults: dict[str, Any]  # of every field of both sections, by address

    def draw(self, trial: Any) -> dict[str, Any]:
        """Values by address for an Optuna trial."""
        drawn: dict[str, Any] = {}
        for address, dimension in self.space.items():
            sampler = drawn.get("training.sampler", self.defaults["training.sampler"])
            if dimension.only in (None, sampler):
                drawn[address] = dimension.value(dimension.suggest(trial, self.name(address)))
        return drawn

    def first(self) -> dict[str, Any]:
        """The defaults, as passed to Optuna."""
        sampler = self.defaults["training.sampler"]
        return {
            self.name(address): label(self.defaults[address])
            for address, dimension in self.space.items()
            if dimension.only in (None, sampler)
        }

    def name(self, address: str) -> str:
        """Name of a field in Optuna: each model of a study has fields of its own."""
        return f"{self.model}.{address}"

    def distributions(self) -> dict[str, Any]:
        """Optuna distributions by name."""
        return {self.name(address): dimension.distribution() for address, dimension in self.space.items()}

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Values by address of a stored Optuna trial."""
        return {
            address: dimension.value(params[self.name(address)])
            for address, dimension in self.space.items()
            if self.name(address) in params
        }


def usual_space(model: str) -> Space:
    """The fields of a network and of its training that are searched in any task.

    Raises:
        ConfigError: no such model.
    """
    sizes = NETWORK | OF_MODELS.get(model, {})
    found = {
        f"model.{field}": sizes[field] for field in type(config_for(model)).model_fields if field in sizes
    }
    left_out = set() if model in BOTH_SAMPLERS else {"sampler"}
    if not issubclass(MODELS[model].config, RecurrentConfig):  # the others have a window of their own
        left_out.add("window")
    return found | {f"training.{field}": part for field, part in TRAINING.items() if field not in left_out}


def space_of(model: str, whole: Space, fixed: Fixed, training: TrainingConfig) -> ModelSpace:
    """The search space of a model without fixed fields, and without fields that have no effect given those.

    Args:
        fixed: fields that are not searched, in the sections model and training.
        training: the training section with the fixed fields, defaults elsewhere.

    Raises:
        ConfigError: no such model, or a fixed field is unknown or out of range.
    """
    defaults = {f"model.{name}": value for name, value in dict(config_for(model, fixed["model"])).items()}
    defaults |= {f"training.{name}": value for name, value in dict(training).items()}
    given = {f"{section}.{field}" for section in ("model", "training") for field in fixed[section]}
    searched = "training.sampler" in whole and "training.sampler" not in given
    space = {
        address: dimension.including(defaults[address])
        for address, dimension in whole.items()
        if address not in given and (searched or dimension.only in (None, training.sampler))
    }
    # fields that others depend on are drawn first
    return ModelSpace(
        model, dict(sorted(space.items(), key=lambda it: it[0] != "training.sampler")), defaults
    )


def sections(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Values by address as fields of the sections model and training.

    >>> sections({"model.units": 8, "training.streams": 4})
    {'model': {'units': 8}, 'training': {'streams': 4}}
    """
    found: dict[str, dict[str, Any]] = {"model": {}, "training": {}}
    for address, value in values.items():
        section, _, field = address.partition(".")
        found[section][field] = value
    return found


def label(value: Any) -> Any:
    """A value as Optuna stores it: lists as text."""
    return json.dumps(value) if isinstance(value, tuple | list) else value

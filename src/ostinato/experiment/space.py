"""What ``tune`` searches: for each model the fields of its network and of its training, and between which values.

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
    """One of some values; searched with the sampler ``only``, or with any."""

    values: tuple[Any, ...]
    only: str | None = None

    def including(self, value: Any) -> "Choice":
        """With one more value."""
        return self if value in self.values else replace(self, values=(*self.values, value))

    def distribution(self) -> Any:
        """For Optuna, which keeps no tuples."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution([label(value) for value in self.values])

    def suggest(self, trial: Any, name: str) -> Any:
        """What the trial is to have, as a label."""
        return trial.suggest_categorical(name, [label(value) for value in self.values])

    def value(self, drawn: Any) -> Any:
        """The value of a label."""
        return {label(value): value for value in self.values}[drawn]


@dataclass(frozen=True)
class Range:
    """From low to high, both included: whole numbers, or real ones; evenly, or evenly in their logarithms."""

    low: float
    high: float
    log: bool = False
    only: str | None = None

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole."""
        return isinstance(self.low, int)

    def including(self, value: Any) -> "Range":
        """As wide as it takes."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))

    def distribution(self) -> Any:
        """For Optuna."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def suggest(self, trial: Any, name: str) -> Any:
        """What the trial is to have."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def value(self, drawn: Any) -> Any:
        """The number itself."""
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
# where a model has others, or none
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
    """The space of one model, and its defaults there, where fixed fields have their values."""

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
        """The defaults, as Optuna is given them."""
        sampler = self.defaults["training.sampler"]
        return {
            self.name(address): label(self.defaults[address])
            for address, dimension in self.space.items()
            if dimension.only in (None, sampler)
        }

    def name(self, address: str) -> str:
        """What Optuna calls a field: the models of one study each have fields of their own."""
        return f"{self.model}.{address}"

    def distributions(self) -> dict[str, Any]:
        """Optuna's, by its names."""
        return {self.name(address): dimension.distribution() for address, dimension in self.space.items()}

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Values by address of what Optuna has kept of a trial."""
        return {
            address: dimension.value(params[self.name(address)])
            for address, dimension in self.space.items()
            if self.name(address) in params
        }


def usual_space(model: str) -> Space:
    """All fields of a network and of its training that are searched, whatever is learnt.

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
    """What is searched for a model: its whole space but for fields that are fixed, and those without use beside them.

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
    # what others depend on is drawn first
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
    """A value as Optuna keeps it: lists as text."""
    return json.dumps(value) if isinstance(value, tuple | list) else value

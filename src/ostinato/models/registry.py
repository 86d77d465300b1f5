"""The registry of models by name: their configs, defaults and builders."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from ..core import SequenceLayer
from ..errors import ConfigError, did_you_mean, shortened
from ..layers import Chain
from .config import NetworkConfig
from .heads import OutputHead
from .limits import check_cost
from .recurrent import GRUConfig, LSTMConfig, RNNConfig, recurrent_network
from .tcn import TCNConfig, tcn
from .windowed import CNNConfig, MLPConfig, cnn, mlp


class Model(NamedTuple):
    """A network's config, and how to make it of that, the features of its input, and its head."""

    config: type[NetworkConfig]
    build: Callable[[Any, int, OutputHead], SequenceLayer]


MODELS: dict[str, Model] = {
    "cnn": Model(CNNConfig, cnn),
    "gru": Model(GRUConfig, recurrent_network),
    "lstm": Model(LSTMConfig, recurrent_network),
    "mlp": Model(MLPConfig, mlp),
    "rnn": Model(RNNConfig, recurrent_network),
    "tcn": Model(TCNConfig, tcn),
}


def config_for(name: str, options: Mapping[str, Any] | None = None) -> NetworkConfig:
    """The validated config of model ``name``, defaults where ``options`` say nothing.

    Raises:
        ConfigError: no such model (the nearest name is offered), or an option is unknown or out of range.
    """
    if name not in MODELS:
        raise ConfigError(
            f"no model is called {shortened(name)}.{did_you_mean(name, MODELS)} Models: {', '.join(MODELS)}."
        )
    config = MODELS[name].config
    try:
        # JSON has lists where Python has tuples, so strictness is about types within
        return config.model_validate(
            {k: tuple(v) if isinstance(v, list) else v for k, v in (options or {}).items()}
        )
    except ValidationError as error:
        raise ConfigError(explain(error, f"model {name}", list(config.model_fields))) from None


def build(
    name: str, options: Mapping[str, Any] | None, input_size: int, head: OutputHead | int
) -> SequenceLayer:
    """The network ``name``: body and head, from x (B, T, input_size) to y (B, T, O).

    Args:
        head: what is asked of the body; a number is a plain head of as many outputs.

    Raises:
        ConfigError: as ``config_for``, or the network would be too large.
    """
    config, asked = config_for(name, options), head if isinstance(head, OutputHead) else OutputHead(head)

    def make() -> SequenceLayer:
        return MODELS[name].build(config, input_size, asked)

    check_cost(name, make)
    return make()


def assemble(
    front: SequenceLayer, name: str, options: Mapping[str, Any] | None, head: OutputHead
) -> SequenceLayer:
    """A whole model: ``front``, then the ``network`` of that name with its head. Any body takes what any front gives.

    Raises:
        ConfigError: as ``build``; or the front gives frequencies and channels, which no network here takes.
    """
    size = front.output_size
    if not isinstance(size, int):
        raise ConfigError(
            f"the front gives {size} features, and networks take a number of them. End the front with Flatten."
        )
    return Chain(front=front, network=build(name, options, size, head))


def explain(error: ValidationError, owner: str, known: list[str]) -> str:
    """The first problem of a config, in a sentence."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{owner} has no field {shortened(field)}.{did_you_mean(field, known)} Fields: {', '.join(known)}."
    reason = first["msg"].removeprefix("Value error, ").rstrip(".")
    if not field:  # a field is fine by itself, but not beside the others
        return f"{owner}: {reason}."
    return f"{owner}: {field} is {shortened(first['input'])}. {reason[0].upper()}{reason[1:]}."

"""Random numbers from generators of our own: within a block, every draw of torch uses one of them.

    with drawing_from(Generators(seed)):
        model, y = build(...), model(x)  # initialisations, dropout, rand_like ...

torch's modules draw from the generator of the process, so that the same seed gave other weights in threads, and the
caller's own stream was moved. Within the block, in this thread, each such call gets a generator, whoever wrote it: our
layers, torch's, or a module of somebody else's. The numbers are those that the process's generator would give after
``torch.manual_seed`` (on a GPU those of fused dropout are others). Outside of it nothing changes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

# by name: those of torch, of torch.nn.functional, of tensors, and of torch.nn.init, which ask in Python
DRAWING = {
    *(
        "rand",
        "rand_like",
        "randn",
        "randn_like",
        "randint",
        "randint_like",
        "randperm",
        "normal",
        "multinomial",
    ),
    *("bernoulli", "bernoulli_", "poisson", "binomial", "_standard_gamma", "_sample_dirichlet"),
    *(
        "uniform_",
        "normal_",
        "random_",
        "exponential_",
        "geometric_",
        "cauchy_",
        "log_normal_",
        "trunc_normal_",
    ),
    *("dropout", "dropout_", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "alpha_dropout_"),
    *(
        "feature_dropout",
        "feature_dropout_",
        "feature_alpha_dropout",
        "feature_alpha_dropout_",
        "native_dropout",
    ),
    *("rrelu", "rrelu_", "gumbel_softmax", "fractional_max_pool2d", "fractional_max_pool3d"),
    *("fractional_max_pool2d_with_indices", "fractional_max_pool3d_with_indices"),
    *("multi_head_attention_forward", "scaled_dot_product_attention"),
    *("lstm", "gru", "rnn_tanh", "rnn_relu"),  # those of several layers, with dropout between
    *("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "sparse_"),
}


class Generators:
    """A generator for each device, all with one seed, as ``torch.manual_seed`` does it.

    Args:
        seed: 0 to 2**64 - 1.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._made: dict[torch.device, torch.Generator] = {}
        self.on(torch.device("cpu"))

    def on(self, device: torch.device) -> torch.Generator:
        """The generator of a device."""
        if device.type != "cpu" and device.index is None:
            device = torch.empty(0, device=device).device
        if device not in self._made:
            self._made[device] = torch.Generator(device).manual_seed(self.seed)
        return self._made[device]

    def states(self) -> dict[str, Tensor]:
        """The state of each generator by device: "cpu", "cuda0" and so on."""
        return {_name(device): made.get_state() for device, made in self._made.items()}

    def restore(self, states: dict[str, Tensor]) -> None:
        """Restore ``states``; devices that this machine lacks are ignored.

        Raises:
            RuntimeError, TypeError, ValueError, KeyError: that is no state of a generator.
        """
        self.on(torch.device("cpu")).set_state(states["cpu"].cpu())
        for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
            if f"cuda{index}" in states:
                self.on(torch.device("cuda", index)).set_state(states[f"cuda{index}"].cpu())


@contextmanager
def drawing_from(generators: Generators) -> Iterator[None]:
    """Within the block, all draws of torch in this thread use ``generators``."""
    with _Calls(_Operators(generators)):
        yield


class _Calls(TorchFunctionMode):
    """Finds the calls that draw. They are worked on operator by operator, the others lose no time."""

    def __init__(self, operators: "_Operators") -> None:
        super().__init__()
        self.operators = operators

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func.__name__ not in DRAWING:
            return func(*args, **kwargs) if kwargs else func(*args)
        with self.operators:
            return func(*args, **kwargs or {})


class _Operators(TorchDispatchMode):
    """Gives every operator that takes a generator, and was given none, that of its device."""

    def __init__(self, generators: Generators) -> None:
        super().__init__()
        self.generators = generators

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.aten.native_dropout.default:
            return self._dropout(*args, **kwargs)
        asks = _with_generator(func)
        if asks is None or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        device = _device_of(args, kwargs)
        if device.type == "meta":
            return func(*args, **kwargs)
        return asks(*args, **kwargs | {"generator": self.generators.on(device)})

    def _dropout(self, x: Tensor, p: float, train: bool | None = True) -> tuple[Tensor, Tensor]:
        """What GPUs have a kernel for, which takes no generator."""
        if train is False or p == 0:
            return x.clone(), torch.ones_like(x, dtype=torch.bool)
        kept = torch.empty_like(x, dtype=torch.bool).bernoulli_(1 - p, generator=self.generators.on(x.device))
        return x * kept * (1 / (1 - p) if p < 1 else 0.0), kept


_asking: dict[Any, Any] = {}


def _with_generator(func: Any) -> Any:
    """The overload of an operator that takes a generator, which may be itself; None where it draws nothing."""
    if func not in _asking:
        _asking[func] = _find_overload(func)
    return _asking[func]


def _find_overload(func: Any) -> Any:
    if _takes_generator(func):
        return func
    packet, own = func.overloadpacket, [argument.name for argument in func._schema.arguments]
    for name in packet.overloads():
        other = getattr(packet, name)
        if _takes_generator(other) and own == [
            argument.name for argument in other._schema.arguments if argument.name != "generator"
        ]:
            return other
    return None


def _takes_generator(func: Any) -> bool:
    return any(argument.name == "generator" for argument in func._schema.arguments)


def _device_of(args: Any, kwargs: dict[str, Any]) -> torch.device:
    tensors = (given for given in (*args, *kwargs.values()) if isinstance(given, Tensor))
    device = kwargs.get("device")
    if device is None:
        device = next((tensor.device for tensor in tensors), torch.device("cpu"))
    return torch.device(device)


def _name(device: torch.device) -> str:
    return "cpu" if device.type == "cpu" else f"{device.type}{device.index}"

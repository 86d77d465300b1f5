"""What a module computes, as a graph of boxes: read from the program that ``torch.export`` makes of it.

A layer that is made of no other layers is one box; operations outside of such layers are boxes of their own. What only
moves numbers about (views, slices, copies) is no box.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn.utils.parametrize import type_before_parametrizations

from ...core import SequenceLayer, axes
from ...layers import Delay

SYMBOLS = {
    "add": "+",
    "sub": "−",
    "rsub": "1 −",
    "mul": "×",
    "div": "÷",
    "sigmoid": "σ",
    "tanh": "tanh",
    "relu": "relu",
    "lerp": "mix",
    "neg": "−",
    "softplus": "softplus",
    "log_sigmoid": "log σ",
    "cat": "concatenate",
    "flip": "reverse",
    "where": "choose",
    "layer_norm": "norm",
    "linear": "W ·",
    "conv1d": "conv",
    "conv2d": "conv",
    "mean": "mean",
    "softmax": "softmax",
    "addcmul": "+ ×",
    "matmul": "W ·",
    "silu": "silu",
    "gelu": "gelu",
    "leaky_relu": "leaky relu",
    "elu": "elu",
}
LIKE = {
    "expand_as",
    "view_as",
    "reshape_as",
    "type_as",
}  # what they take second gives its shape or dtype alone


@dataclass
class Box:
    """One thing that is computed."""

    label: str
    kind: str  # "input", "output", "layer" or "operation"
    sources: list[int] = field(default_factory=list)  # places of the boxes whose values it takes
    name: str = ""  # what its value is called on the way


def graph_of(
    module: nn.Module,
    inputs: tuple[Any, ...],
    layers: dict[str, SequenceLayer],
    names: Sequence[str] = (),
) -> list[Box]:
    """The boxes of ``module``, each after those it takes from.

    Args:
        module: what is exported; it returns tensors.
        inputs: what it is called with.
        layers: the layers that are one box, by their path in the module.
        names: what the outputs are called.
    """
    program = torch.export.export(module, inputs)
    reader = GraphReader(dict(program.graph_signature.inputs_to_parameters), layers)
    for node in program.graph.nodes:
        reader.read(node, names)
    return reader.boxes


class GraphReader:
    """Goes through a program once, and makes boxes of what counts."""

    def __init__(self, parameters: dict[str, str], layers: dict[str, SequenceLayer]) -> None:
        self.parameters, self.layers = parameters, layers
        self.boxes: list[Box] = []
        self.made: dict[Node, list[int]] = {}  # the boxes that a value comes from; none for a constant
        # one call of a layer to its box: a layer that is repeated has several
        self.calls: dict[str, int] = {}

    def read(self, node: Node, names: Sequence[str] = ()) -> None:
        """One operation; of the last, the outputs, what its values are called."""
        if node.op == "placeholder":
            learnt = node.name in self.parameters or node.name.startswith(("p_", "b_", "c_"))
            self.made[node] = [] if learnt else [self._add(Box(_spoken(node.name), "input"))]
        elif node.op == "output":
            for name, value in zip(names, node.all_input_nodes, strict=False):
                for place in self.made[value]:
                    known = self.boxes[place].name  # one operation may give several gates
                    self.boxes[place].name = f"{known}, {name}" if known else name
        else:
            self._compute(node)

    def _compute(self, node: Node) -> None:
        taken = node.all_input_nodes[: 1 if _name(node) in LIKE else None]
        sources = _unique(place for value in taken for place in self.made[value])
        call, path = self._layer(node)
        if not sources:
            self.made[node] = []
        elif path is not None:
            self.made[node] = [self._into_layer(call, path, sources)]
        elif (
            _name(node) in SYMBOLS and not _is_mask(node) and not (_name(node) == "cat" and len(sources) < 2)
        ):
            self.made[node] = [self._add(Box(self._label(node), "operation", sources))]
        else:
            self.made[node] = sources

    def _into_layer(self, call: str, path: str, sources: list[int]) -> int:
        """The box of a layer, which takes whatever comes from outside of it."""
        if call not in self.calls:
            self.calls[call] = self._add(Box(_boxed(self.layers[path]), "layer"))
        own = self.calls[call]
        box = self.boxes[own]
        box.sources = _unique([*box.sources, *(place for place in sources if place != own)])
        return own

    def _layer(self, node: Node) -> tuple[str, str | None]:
        """The call that an operation belongs to, and the path of the layer that is called."""
        stack = node.meta.get("nn_module_stack") or {}
        inside = [(call, path) for call, (path, _) in stack.items() if path in self.layers]
        return inside[-1] if inside else ("", None)

    def _label(self, node: Node) -> str:
        """The symbol, and the parameter that it works with."""
        symbol = SYMBOLS[_name(node)]
        learnt = [found for value in node.args if (found := self._learnt(value)) is not None]
        if not learnt:
            return symbol
        return f"{_parameter(learnt[0])} ·" if symbol == "W ·" else f"{symbol} {_parameter(learnt[0])}"

    def _learnt(self, value: Any) -> str | None:
        """The parameter that a value is, perhaps cut, or computed of several: a weight before its gains."""
        if not isinstance(value, Node) or self.made[value]:
            return None
        if value.name in self.parameters:
            return self.parameters[value.name]
        found = [path for source in value.all_input_nodes if (path := self._learnt(source)) is not None]
        found.sort(key=lambda path: not path.split(".")[-1].startswith("weight"))
        return found[0] if found else None

    def _add(self, box: Box) -> int:
        self.boxes.append(box)
        return len(self.boxes) - 1


class OneStep(nn.Module):
    """What a recurrent layer computes on the way of one step."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, ...]:
        """Everything on the way."""
        return tuple(self.layer.trace(x, state)[2])

    def names(self, x: Tensor, state: Any) -> tuple[str, ...]:
        """What is what."""
        fields: tuple[str, ...] = self.layer.trace(x, state)[2]._fields
        return fields


class Whole(nn.Module):
    """A layer from the beginning."""

    def __init__(self, layer: SequenceLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """y alone."""
        y: Tensor = self.layer(x)[0]
        return y


def leaf_layers(layer: SequenceLayer, path: str = "layer") -> dict[str, SequenceLayer]:
    """The layers that are made of no other layers, by path."""
    inner = [
        (name, child) for name, child in layer.named_modules() if name and isinstance(child, SequenceLayer)
    ]
    leaves = {
        f"{path}.{name}": child
        for name, child in inner
        if not any(isinstance(deeper, SequenceLayer) for deeper in list(child.modules())[1:])
        and not (isinstance(child, Delay) and child.latency == 0)  # hands x on as it is
    }
    return leaves if inner else {path: layer}


def described(layer: SequenceLayer) -> str:
    """Its name, and how far it reaches."""
    name = type_before_parametrizations(layer).__name__.lstrip("_")
    if name == "Pointwise":
        return type(layer.module).__name__
    weight = getattr(layer, "weight", None)
    kernel = weight.shape[2:] if isinstance(weight, Tensor) else ()
    extent = kernel or [size for size in [getattr(layer, "kernel_size", None)] if isinstance(size, int)]
    said = {
        "k": "×".join(map(str, extent)),
        "d": str(getattr(layer, "dilation", "")) if getattr(layer, "dilation", 1) not in (1, (1, 1)) else "",
        "s": str(layer.stride) if layer.stride != 1 else "",
    }
    return " ".join([name, *(f"{word}={value}" for word, value in said.items() if value)])


def _boxed(layer: SequenceLayer) -> str:
    size = layer.output_size
    return described(layer) + ("" if size is None else f" → {' × '.join(map(str, axes(size)))}")


def _name(node: Node) -> str:
    return str(getattr(node.target, "__name__", node.target)).split(".")[0].rstrip("_")


def _is_mask(node: Node) -> bool:
    """A choice that fills padding is no part of the equations."""
    return _name(node) == "where" and len(node.all_input_nodes) < 3


def _spoken(name: str) -> str:
    return "x" if name == "x" else name.removeprefix("state_").replace("_", " ")


def _parameter(path: str) -> str:
    """What stands in a box: W and U of cells, else the name without what all names have."""
    name = path.removeprefix("layer.").removesuffix(".weight").split("_l0")[0].split(".")[-1]
    short = {"weight_ih": "W", "weight_hh": "U", "weight": "W", "log_decay": "decay"}
    return short.get(name, name.removeprefix("weight_").replace("_", " "))


def _unique(places: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(places))

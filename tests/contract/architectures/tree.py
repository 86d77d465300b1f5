"""An architecture as a value: a tree of constructor calls that prints as source, and builds the layer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

import ostinato.layers
from ostinato.core import SequenceLayer, Size


@dataclass(frozen=True)
class Node:
    """A call of a constructor, of ostinato.layers or of torch.nn. Arguments are plain values, tuples or nodes."""

    kind: str
    args: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        named = (f"{name}={_written(value)}" for name, value in self.options)
        return f"{self.kind}({', '.join([*map(_written, self.args), *named])})"

    def build(self) -> Any:
        """The layer or the module, with the weights that torch draws now."""
        made = (
            getattr(nn, self.kind[3:]) if self.kind.startswith("nn.") else getattr(ostinato.layers, self.kind)
        )
        return made(*map(_built, self.args), **{name: _built(value) for name, value in self.options})

    def nodes(self) -> Iterator["Node"]:
        """This one and all within."""
        yield self
        for value in (*self.args, *(value for _, value in self.options)):
            yield from _within(value)


@dataclass(frozen=True)
class Architecture:
    """A layer, and what it is fed."""

    tree: Node
    inputs: str = "normal"  # a name in ``feeding.KINDS``
    size: Size = 1  # features of a step where the layer takes any number

    def __str__(self) -> str:
        fed = "" if self.inputs == "normal" else f"  # fed {self.inputs}"
        return f"{self.tree}{fed}"

    def build(self) -> SequenceLayer:
        """The layer."""
        layer: SequenceLayer = self.tree.build()
        return layer


def node(kind: str, *args: Any, **options: Any) -> Node:
    """A call as it is written."""
    return Node(kind, args, tuple(options.items()))


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_written, value))}{',' if len(value) == 1 else ''})"
    return str(value) if isinstance(value, Node) else repr(value)


def _built(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_built, value))
    return value.build() if isinstance(value, Node) else value


def _within(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield from value.nodes()
    elif isinstance(value, tuple):
        for part in value:
            yield from _within(part)

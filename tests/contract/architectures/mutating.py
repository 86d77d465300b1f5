"""One number of a tree changed: most of these no longer fit, and must be refused in a sentence."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from contract.architectures.tree import Node

FREE = {
    "Windowed",
    "Pointwise",
    "Embedding",
    "OneHot",
    "MuLawEncode",
    "MuLawDecode",
}  # hold modules, or codes


def mutated(rng: Random, tree: Node) -> Node:
    """The tree with another number in one place."""
    places = list(_places(tree, ()))
    if not places:
        return tree
    place, value = rng.choice(places)
    changed: Node = _changed(tree, place, rng.choice([0, 1, value + 1, value + 1, abs(value - 1), 2 * value]))
    return changed


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], int]]:
    if isinstance(value, Node):
        if value.kind in FREE:
            return
        for place, part in enumerate(value.args):
            yield from _places(part, (*path, place))
        for name, part in value.options:
            yield from _places(part, (*path, name))
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            yield from _places(part, (*path, place))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield path, value


def _changed(value: Any, path: tuple[Any, ...], new: int) -> Any:
    if not path:
        return new
    first, *rest = path
    if isinstance(value, tuple):
        return tuple(
            _changed(part, tuple(rest), new) if place == first else part for place, part in enumerate(value)
        )
    if isinstance(first, int):
        return replace(value, args=_changed(value.args, path, new))
    options = (
        (name, _changed(part, tuple(rest), new) if name == first else part) for name, part in value.options
    )
    return replace(value, options=tuple(options))

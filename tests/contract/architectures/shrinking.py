"""From an architecture that fails to the smallest one that still fails in the same way."""

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

from contract.architectures.figures import RefusedError, figures
from contract.architectures.oracle import Fault, ask, subject_of
from contract.architectures.tree import Architecture, Node

PATIENCE = 40.0  # seconds


def shrink(
    architecture: Architecture, seed: int, fault: Fault, patience: float = PATIENCE
) -> tuple[Architecture, Fault]:
    """The smallest that is found, and what it is told."""
    end, tried = monotonic() + patience, {architecture.tree}
    progress = True
    while progress:
        progress = False
        for tree in sorted(set(_smaller(architecture.tree)), key=_weight):
            if tree in tried or monotonic() > end:
                continue
            tried.add(tree)
            smaller = replace(architecture, tree=tree, size=1)
            found = _fails(smaller, seed, fault)
            if found is not None and _weight(tree) < _weight(architecture.tree):
                architecture, fault, progress = smaller, found, True
                break
    return architecture, fault


def _fails(architecture: Architecture, seed: int, fault: Fault) -> Fault | None:
    subject = subject_of(architecture, seed)
    if isinstance(subject, str):
        return None
    found = subject if isinstance(subject, Fault) else ask(subject, fault.check)
    return found if found is not None and found.check == fault.check and _alike(found, fault) else None


def _alike(fault: Fault, other: Fault) -> bool:
    """Of one kind, and where something was raised of one beginning: the same error has many causes."""
    return fault.kind == other.kind and (fault.kind == "fault" or _opening(fault) == _opening(other))


def _opening(fault: Fault) -> str:
    return "".join(letter for letter in fault.sentence if not letter.isdigit())[:40]


def _weight(tree: Node) -> tuple[int, int, str]:
    text = str(tree)
    return sum(1 for _ in tree.nodes()), sum(int(c) for c in text if c.isdigit()) + len(text), text


def _smaller(tree: Node) -> Iterator[Node]:
    """Trees that are a little smaller: a part for the whole, one part less, lower numbers, fewer options."""
    for part in tree.nodes():
        if part is not tree and not part.kind.startswith("nn."):
            yield part
    yield from _within(tree)
    for old in sorted({number for number in _numbers(tree) if number > 1}):
        for new in (1, old - 1):
            yield _renumbered(tree, old, new)


def _within(tree: Node) -> Iterator[Node]:
    for place, value in enumerate(tree.args):
        for other in _values(value):
            yield replace(tree, args=(*tree.args[:place], other, *tree.args[place + 1 :]))
        nodes = [one for one in tree.args if isinstance(one, Node)]
        if isinstance(value, Node) and len(nodes) > 1:
            yield replace(tree, args=(*tree.args[:place], *tree.args[place + 1 :]))
        if isinstance(value, Node) and value.kind == tree.kind == "Chain":
            yield replace(tree, args=(*tree.args[:place], *value.args, *tree.args[place + 1 :]))
    for place, (name, value) in enumerate(tree.options):
        yield replace(tree, options=(*tree.options[:place], *tree.options[place + 1 :]))
        for other in _values(value):
            yield replace(tree, options=(*tree.options[:place], (name, other), *tree.options[place + 1 :]))


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, Node):
        if not value.kind.startswith("nn."):
            yield from _plain(value)
            for part in value.nodes():
                if part is not value and not part.kind.startswith("nn."):
                    yield part
        yield from _within(value)
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            if len(value) > 1:
                yield (*value[:place], *value[place + 1 :])
            for other in _values(part):
                yield (*value[:place], other, *value[place + 1 :])
    elif isinstance(value, int) and not isinstance(value, bool) and value > 0:
        yield from {0, 1, value - 1} - {value}


def _plain(value: Node) -> Iterator[Node]:
    """The simplest layers with the sizes and the rate of another."""
    yield Node("Identity")
    try:
        found = figures(value)
    except RefusedError:
        return
    sizes = found.input_size, found.output_size
    if value.kind == "Dense" or not all(isinstance(size, int) for size in sizes):
        return
    yield Node("Dense", sizes)
    if found.stride.denominator == 1 and found.stride > 1 and value.kind != "PointwiseConv1d":
        yield Node("PointwiseConv1d", sizes, (("stride", found.stride.numerator),))


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, Node):
        for part in (*value.args, *(option for _, option in value.options)):
            yield from _numbers(part)
    elif isinstance(value, tuple):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def _renumbered(value: Any, old: int, new: int) -> Any:
    if isinstance(value, Node):
        args = tuple(_renumbered(part, old, new) for part in value.args)
        return replace(
            value, args=args, options=tuple((k, _renumbered(v, old, new)) for k, v in value.options)
        )
    if isinstance(value, tuple):
        return tuple(_renumbered(part, old, new) for part in value)
    return new if isinstance(value, int) and not isinstance(value, bool) and value == old else value

"""Functions on states: nested tuples of tensors, whose first axis is always the batch.

A state goes into a layer and comes out of it. Nothing here knows what a state means; it is cut,
joined, moved and saved by its structure alone.

Axes: B batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import StateError

State = tuple[Any, ...]  # (named) tuples of tensors (B, ...) or of further such tuples; () is empty


def map_state(function: Callable[..., Tensor], state: Any, *others: Any) -> Any:
    """Apply ``function`` to each tensor, or to corresponding tensors of several states.

    >>> import torch
    >>> map_state(torch.add, (torch.ones(1), ()), (torch.ones(1), ()))
    (tensor([2.]), ())
    """
    if isinstance(state, Tensor):
        return function(state, *others)
    if not isinstance(state, tuple):
        raise _no_state(state)
    if any(not isinstance(other, tuple) or len(other) != len(state) for other in others):
        raise StateError("these states do not belong to one layer: they differ in structure.")
    return _rebuild(state, [map_state(function, *parts) for parts in zip(state, *others, strict=True)])


def leaves(state: Any) -> Iterator[Tensor]:
    """The tensors of a state, in order."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, tuple):
        for part in state:
            yield from leaves(part)
    else:
        raise _no_state(state)


def named_leaves(state: Any, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a state by dotted path, the form of safetensors; fields keep their names."""
    if isinstance(state, Tensor):
        return {prefix: state}
    names = getattr(state, "_fields", None) or [str(place) for place in range(len(state))]
    found: dict[str, Tensor] = {}
    for name, part in zip(names, state, strict=True):
        found |= named_leaves(part, f"{prefix}.{name}" if prefix else name)
    return found


def state_from_leaves(template: Any, tensors: Mapping[str, Tensor], prefix: str = "") -> Any:
    """The state whose tensors are ``tensors``, shaped like ``template`` (a layer's ``initial_state``).

    Raises:
        StateError: a tensor is missing or one is left over.
    """
    expected, given = set(named_leaves(template)), set(tensors)
    if expected != given:
        odd = sorted(expected ^ given)[0]
        problem = "lacks" if odd in expected else "has an unknown"
        raise StateError(f"the saved state {problem} tensor {odd!r}. It was saved by another layer.")
    return _fill(template, iter([tensors[name] for name in named_leaves(template)]))


def detach(state: Any) -> Any:
    """The same values without their graph: truncated back-propagation cuts here."""
    return map_state(Tensor.detach, state)


def where_rows(mask: Tensor, chosen: Any, otherwise: Any) -> Any:
    """The rows of ``chosen`` where ``mask`` (B,) is true, those of ``otherwise`` elsewhere.

    Raises:
        StateError: corresponding tensors differ in shape, so the rows are not in one phase; or the mask is not of
            these rows.
    """
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.dim() != 1:
        raise StateError("mask must be a bool tensor with one value for each row of the states.")

    def choose(left: Tensor, right: Tensor) -> Tensor:
        if left.shape != right.shape:
            raise StateError(
                f"rows of shapes {tuple(left.shape[1:])} and {tuple(right.shape[1:])} cannot be mixed. A "
                "strided layer lets rows be exchanged or reset only where its last block is complete: "
                "feed whole blocks."
            )
        if len(mask) != len(left):
            raise StateError(
                f"mask is for {len(mask)} rows, the states have {len(left)}. Give each row a value."
            )
        return torch.where(mask.view(-1, *[1] * (left.dim() - 1)), left, right)

    return map_state(choose, chosen, otherwise)


def take_rows(state: Any, rows: Tensor | Sequence[int] | slice) -> Any:
    """The state of a selection of rows."""
    return map_state(lambda leaf: leaf[rows], state)


def join_rows(states: Sequence[Any]) -> Any:
    """Concatenate states along the batch.

    Raises:
        StateError: the states are of different layers or in different phases.
    """
    if not states:
        raise StateError("there are no states to join. Pass at least one.")
    structure = [[leaf.shape[1:] for leaf in leaves(state)] for state in states]
    alike = all(same_structure(state, states[0]) for state in states)
    if not alike or any(shapes != structure[0] for shapes in structure):
        raise StateError("these states cannot be joined: they differ in structure or phase.")
    return map_state(lambda *parts: torch.cat(parts), states[0], *states[1:])


def state_bytes(state: Any) -> int:
    """Bytes of memory that a state keeps alive: the complete storage of each view counts.

    A small view into a large tensor counts as the large tensor: that is what it costs.
    """
    storages = {leaf.untyped_storage().data_ptr(): leaf.untyped_storage().nbytes() for leaf in leaves(state)}
    return sum(storages.values())


def same_structure(state: Any, other: Any) -> bool:
    """Whether two states have the same structure: the same nesting of the same tuple types."""
    if isinstance(state, Tensor) or isinstance(other, Tensor):
        return isinstance(state, Tensor) and isinstance(other, Tensor)
    return (
        type(state) is type(other)
        and len(state) == len(other)
        and all(same_structure(a, b) for a, b in zip(state, other, strict=True))
    )


def _no_state(value: object) -> StateError:
    return StateError(f"a state is made of tuples and tensors, got {type(value).__name__}.")


def _fill(template: Any, tensors: Iterator[Tensor]) -> Any:
    if isinstance(template, Tensor):
        return next(tensors)
    return _rebuild(template, [_fill(part, tensors) for part in template])


def _rebuild(like: Any, parts: list[Any]) -> Any:
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)

"""Promise 5: state is a value. It is passed in and returned, and can be split, joined, saved and reset."""

from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from ..core import (
    SequenceLayer,
    class_name,
    detach,
    join_rows,
    leaves,
    named_leaves,
    state_from_leaves,
    take_rows,
)
from ..errors import CheckError, StreamingError
from .compare import clone_state, same, same_state
from .subject import BATCH, STEPS, Subject


def state_is_not_changed(subject: Subject) -> None:
    """A state that was passed in still holds what it held."""
    _, state = subject.layer(subject.x())
    state = detach(state)
    before = clone_state(state)
    subject.layer(subject.x(variant=1), state)
    for name, old, new in zip(named_leaves(state), before, leaves(state), strict=True):
        same(f"state.{name}", new, old, "after it was passed to the layer: it was changed in place")


def state_is_not_kept(subject: Subject) -> None:
    """Two streams can share the layer; running leaves nothing behind on it."""
    layer, a, b = subject.layer, subject.x(), subject.x(variant=1)
    held = {name: value.clone() for name, value in layer.state_dict().items()}
    expected = _continue(subject, a)
    _, state = layer(a)
    layer(b)
    layer(b)
    found = layer(subject.x(variant=2), state)
    same("y", found[0], expected[0], "when another stream ran in between")
    same_state(found[1], expected[1], "when another stream ran in between")
    for name, value in layer.state_dict().items():
        same(name, value, held[name], "after running in eval: the layer keeps something")


def state_is_saved(subject: Subject) -> None:
    """Through safetensors and back, the stream goes on as if nothing had happened."""
    layer, x = subject.layer, subject.x()
    expected = _continue(subject, x)
    _, state = layer(x)
    y, _ = layer(subject.x(variant=2), _saved_and_loaded(layer, state, x))
    same("y", y, expected[0], "after saving and loading the state")
    fresh = layer.initial_state(BATCH, x.dtype, x.device)
    y, _ = layer(x, _saved_and_loaded(layer, fresh, x))
    same("y", y, layer(x, fresh)[0], "begun with the initial state saved and loaded")


def rows_split_and_join(subject: Subject) -> None:
    """The state of some rows continues those rows; states joined, of any age, continue together."""
    layer, x, later = subject.layer, subject.x(), subject.x(variant=2)
    expected, end = _continue(subject, x)
    _, state = layer(x)
    rows = [3, 0, 4]
    y, after = layer(later[rows], take_rows(state, rows))
    same("y", y, expected[rows], f"rows {rows} continued without the others")
    where = f"rows {rows} continued without the others"
    same_state(after, take_rows(end, rows), where, rounding=subject.state_rounding)
    older = subject.x(STEPS + layer.block)  # a whole block more: strided layers are in step
    young, old = layer(x[:2])[1], layer(older[2:])[1]
    y, after = layer(later, join_rows([young, old]))
    for part, state in ((slice(0, 2), young), (slice(2, BATCH), old)):
        alone, end = layer(later[part], state)
        same("y", y[part], alone, "two batches of different age continued as one")
        same_state(take_rows(after, part), end, "two batches of different age continued as one")


def rows_reset(subject: Subject) -> None:
    """reset_rows begins some rows anew in mid-stream and leaves the others as they are."""
    layer = subject.layer
    steps = layer.block * 6  # whole blocks: a strided layer resets only between them
    x, later = subject.x(steps), subject.x(variant=2)
    _, state = layer(x)
    mask = torch.tensor([True, False, True, False, False], device=x.device)
    mixed, end = layer(later, layer.reset_rows(state, mask))
    new, old = layer(later), layer(later, state)
    for name, rows, (y, after) in (("reset", mask, new), ("kept", ~mask, old)):
        same("y", mixed[rows], y[rows], f"of the {name} rows after reset_rows")
        same_state(take_rows(end, rows), take_rows(after, rows), f"of the {name} rows after reset_rows")


def state_detaches(subject: Subject) -> None:
    """Detached, a state carries values and no history: no gradient reaches what made it."""
    x = subject.x().requires_grad_()
    _, state = subject.layer(x)
    y, _ = subject.layer(subject.x(variant=1), detach(state))
    if y.requires_grad and torch.autograd.grad(y.sum(), x, allow_unused=True)[0] is not None:
        raise CheckError("a gradient reaches the steps before a detached state.")


def whole_sequence_refuses_state(subject: Subject) -> None:
    """A layer that cannot stream returns () and refuses a state, naming itself."""
    x = subject.x()
    _, state = subject.layer(x)
    if state != ():
        raise CheckError("a layer that does not stream must return () as its state.")
    try:
        subject.layer(x, (x.new_zeros(BATCH, 1),))
    except StreamingError as error:
        if class_name(subject.layer) not in str(error):
            raise CheckError(f"the refusal does not name the layer: {error}") from error
    else:
        raise CheckError("a layer that does not stream accepts a state.")


def _saved_and_loaded(layer: SequenceLayer, state: Any, x: Tensor) -> Any:
    tensors = {name: leaf.detach().contiguous() for name, leaf in named_leaves(state).items()}
    loaded = {name: tensor.to(x.device) for name, tensor in load(save(tensors)).items()}
    return state_from_leaves(layer.initial_state(BATCH, x.dtype, x.device), loaded)


def _continue(subject: Subject, x: Tensor) -> tuple[Tensor, Any]:
    """What one stream gives: x, then more."""
    _, state = subject.layer(x)
    y, end = subject.layer(subject.x(variant=2), state)
    return y, end

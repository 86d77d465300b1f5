"""Promise 6: constant cost per step, because the size of the state is constant."""

import math

import torch

from ..core import state_bytes
from ..errors import CheckError
from .subject import Subject

LATE = 1_000  # steps after which the state of a recurrence is weighed again


def state_stays_small(subject: Subject) -> None:
    """Equal bytes after two and four receptive fields; for a recurrence after 10 and 1,000 steps."""
    layer = subject.layer
    block = layer.block
    if math.isinf(layer.receptive_field):
        early, late = 10 * block, LATE * block
    else:
        early = 2 * int(layer.receptive_field) * block
        late = 2 * early
    with torch.no_grad():
        _, first = layer(subject.x(early, batch=1))
        _, second = layer(subject.x(late - early, batch=1, variant=1), first)
        _, one_by_one = layer(subject.x(block, batch=1, variant=2), second)
    sizes = [state_bytes(state) for state in (first, second, one_by_one)]
    if len(set(sizes)) > 1:
        raise CheckError(
            f"the state takes {sizes[0]} bytes after {early} steps, {sizes[1]} after {late}, "
            f"{sizes[2]} after {block} more."
        )

"""The contract: what a layer that runs along time takes, returns and promises."""

from . import forking as forking  # registers what a forked child needs
from .autocast import autocast_active
from .declared import newest
from .devices import device_of, known_device
from .ending import Ending
from .layer import SequenceLayer, check_count, require_layers
from .lengths import check_lengths, fill_padding, reverse_steps, valid_steps
from .random import Generators, drawing_from
from .representation import class_name
from .sizes import Size, axes, numbers
from .state import (
    State,
    detach,
    join_rows,
    leaves,
    map_state,
    named_leaves,
    same_structure,
    state_bytes,
    state_from_leaves,
    take_rows,
    where_rows,
)
from .step_set import StepSet
from .stepper import ArrayStepper, Stepper
from .stepper_registry import register_stepper

__all__ = [
    "ArrayStepper",
    "Ending",
    "Generators",
    "SequenceLayer",
    "Size",
    "State",
    "StepSet",
    "Stepper",
    "autocast_active",
    "axes",
    "check_count",
    "check_lengths",
    "class_name",
    "detach",
    "device_of",
    "drawing_from",
    "fill_padding",
    "join_rows",
    "known_device",
    "leaves",
    "map_state",
    "named_leaves",
    "newest",
    "numbers",
    "register_stepper",
    "require_layers",
    "reverse_steps",
    "same_structure",
    "state_bytes",
    "state_from_leaves",
    "take_rows",
    "valid_steps",
    "where_rows",
]

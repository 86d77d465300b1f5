"""Limits on the cost of a network: configs come from files, and none may take the whole machine.

Axes: N windows, L steps of a window, C channels.
"""

from collections.abc import Callable

import torch

from ..core import SequenceLayer, leaves
from ..errors import ConfigError

MOST_STEPS = 1_000_000  # that an output looks back
MOST_PARAMETERS = 2**28  # 1 GiB in float32
MOST_STATE_BYTES = 2**28  # of one stream
MOST_NUMBERS = 2**17  # L x C that one window becomes within a network: thousands of windows are run at a time


def check_cost(name: str, make: Callable[[], SequenceLayer]) -> None:
    """Refuse a network that is too large, from a sketch of it that takes no memory.

    Raises:
        ConfigError: it has too many parameters, or too much state.
    """
    with torch.device("meta"):
        sketch = make()
        parameters = sum(parameter.numel() for parameter in sketch.parameters())
        if parameters > MOST_PARAMETERS:
            raise ConfigError(
                f"this {name} would have {parameters:,} parameters, at most {MOST_PARAMETERS:,} are allowed. "
                "Choose smaller sizes."
            )
        state = sum(leaf.nbytes for leaf in leaves(sketch.initial_state(1, torch.float32)))
    if state > MOST_STATE_BYTES:
        raise ConfigError(
            f"this {name} would keep {state:,} bytes for each stream, at most {MOST_STATE_BYTES:,} are allowed. "
            "Choose smaller sizes."
        )


def check_window(name: str, steps: int, channels: int) -> None:
    """Refuse windows that become too large within a network.

    Raises:
        ConfigError: they do.
    """
    if steps * channels > MOST_NUMBERS:
        raise ConfigError(
            f"this {name} would hold {steps:,} steps of {channels:,} features for every window, at most "
            f"{MOST_NUMBERS:,} numbers are allowed. Choose a shorter window or fewer channels."
        )

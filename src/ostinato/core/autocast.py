"""Whether torch's autocast (mixed precision) is active."""

import torch
from torch import Tensor


def autocast_active(x: Tensor) -> bool:
    """Whether autocast is active on the device of x; torch raises for the meta device, so that one is never asked."""
    return not x.is_meta and torch.is_autocast_enabled(x.device.type)

"""Mixed precision, as torch's autocast switches it on."""

import torch
from torch import Tensor


def narrows(x: Tensor) -> bool:
    """Whether products of x are computed in half precision here; torch has no answer for the meta device."""
    return not x.is_meta and torch.is_autocast_enabled(x.device.type)

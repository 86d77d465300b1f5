"""Constants of layers, in the dtype of the input: windows, filterbanks, frequencies. They are not learned."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Constant(nn.Module):
    """A float64 tensor that moves with the layer from device to device, and stays float64.

    As a buffer it would lose its digits to ``.float()``, and ``.double()`` would not bring them back.
    """

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values.double()

    def like(self, x: Tensor) -> Tensor:
        """In the dtype of x."""
        return self.values.to(x.device, x.dtype)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        device = fn(self.values).device
        if device != torch.device("meta"):  # where there are no values
            self.values = self.values.to(device)
        return super()._apply(fn, recurse)

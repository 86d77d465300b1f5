"""The kernels of the scan.

Axes: B batch, T time steps, * any others.
"""

from collections.abc import Callable

from torch import Tensor

from ...core.kernels import DEFINITION, Operation
from . import naive, torch_kernels


class ScanKernel:
    """A way to run h_t = decay_t * h_(t-1) + value_t; these can do any call."""

    def __init__(self, name: str, call: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        self.name, self.call = name, call

    def refuses(self, decay: Tensor, value: Tensor, start: Tensor) -> str | None:
        """Why not, for this very call."""
        return None


SCAN = Operation("scan", ScanKernel("torch", torch_kernels.linear), ScanKernel(DEFINITION, naive.linear))


def linear(decay: Tensor, value: Tensor, start: Tensor) -> Tensor:
    """h_t = decay_t * h_(t-1) + value_t, from start on; as ``naive.linear``, on the first kernel that does not refuse.

    Raises:
        ShapeError: decay or start does not broadcast.
    """
    return SCAN.select(decay, value, start).call(decay, value, start)

"""Normalisation that ignores padding.

Axes: B batch, T time steps, C features.
"""

from torch import Tensor, nn

from ..core import SequenceLayer, valid_steps
from ..errors import ShapeError
from .pointwise import Pointwise
from .sizes import at_least_one


class BatchNorm(SequenceLayer):
    """Each feature normalised by its mean and variance over all valid steps of the batch.

    In ``train()`` the statistics are those of the chunk at hand, so chunks do not join and rows are not
    alone; the promises hold in ``eval()``, where running statistics are used.

    Args:
        input_size: features per step, C.
        eps: added to the variance.
        momentum: weight of the newest batch in the running statistics.

    Shape:
        x (B, T, C), y (B, T, C). The state is ().

    Raises:
        ConfigError: a size is below 1.
        ShapeError: in ``train()``, fewer than two valid steps: they have no variance.

    Source:
        Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1; ``torch.nn.BatchNorm1d``, whose running variance
        is the unbiased one. We leave padded steps out of the statistics.
    """

    def __init__(self, input_size: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        at_least_one(input_size=input_size)
        self.input_size = self.output_size = input_size
        self.norm = nn.BatchNorm1d(input_size, eps=eps, momentum=momentum)

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Padded steps are zero here, and would count, so they are left out while training."""
        if not self.training:
            return self.norm(x.transpose(1, 2)).transpose(1, 2) if x.numel() else x, ()
        mask = None if lengths is None else valid_steps(lengths, x.shape[1])
        steps = x.flatten(0, 1) if mask is None else x[mask]
        if len(steps) == 1:
            raise ShapeError("BatchNorm cannot train on a single valid step. Use longer slices or more rows.")
        if len(steps) == 0:
            return x, ()
        y = self.norm(steps)
        return (y.view_as(x) if mask is None else x.masked_scatter(mask[:, :, None], y)), ()


class LayerNorm(Pointwise):
    """Each step normalised by the mean and variance of its own features.

    Args:
        input_size: features per step, C.
        eps: added to the variance.

    Shape:
        x (B, T, C), y (B, T, C).

    Raises:
        ConfigError: a size is below 1.

    Source:
        Ba et al. 2016, arXiv:1607.06450, section 3, equation 3; ``torch.nn.LayerNorm``.
    """

    def __init__(self, input_size: int, eps: float = 1e-5) -> None:
        at_least_one(input_size=input_size)
        super().__init__(nn.LayerNorm(input_size, eps=eps), input_size, input_size)

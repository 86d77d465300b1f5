"""Normalisation over the valid steps of a batch.

Axes: B batch, T time steps, F frequencies, C features or channels, N numbers of a channel.
"""

import torch
from torch import Tensor, nn

from ...core import SequenceLayer, Size, axes, valid_steps
from ...errors import ConfigError, ShapeError
from ..options import not_negative
from ..sizes import check_size


class BatchNorm(SequenceLayer):
    """Each feature normalised by its mean and variance over all valid steps of the batch; each channel, of (F, C).

    In ``train()`` the statistics are those of the chunk at hand, so chunks do not join and rows are not
    alone; the promises hold in ``eval()``, where running statistics are used.

    Args:
        input_size: features per step, C; or (F, C), where a channel's frequencies share its statistics.
        eps: added to the variance.
        momentum: weight of the newest batch in the running statistics.

    Shape:
        x (B, T, C) or (B, T, F, C), y alike. The state is ().

    Raises:
        ConfigError: a size is below 1, eps is negative, or momentum lies outside 0 to 1.
        ShapeError: in ``train()``, a single valid step, or a single number of each channel: it has no variance.

    Source:
        Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1; ``torch.nn.BatchNorm1d`` and ``BatchNorm2d``, whose
        running variance is the unbiased one. We leave padded steps out of the statistics.
    """

    def __init__(self, input_size: Size, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        check_size(input_size=input_size)
        not_negative(eps=eps, momentum=momentum)
        if momentum > 1:
            raise ConfigError(f"momentum must be 0 to 1, the weight of a new batch, got {momentum}.")
        self.input_size = self.output_size = input_size
        self.norm = nn.BatchNorm1d(axes(input_size)[-1], eps=eps, momentum=momentum)

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Padded steps are zero here, and would count, so they are left out while training."""
        if x.numel() == 0:
            return x, ()
        channel_first = x.movedim(-1, 1)  # as a convolution hands it on
        if channel_first.is_contiguous() and not (self.training and lengths is not None):
            y = self._normalised(channel_first.flatten(2))
            return y.view(channel_first.shape).movedim(1, -1), ()
        numbers = x.flatten(0, -2)
        if not self.training or lengths is None:
            return self._normalised(numbers).view(x.shape), ()
        real = valid_steps(lengths, x.shape[1]).view(*x.shape[:2], *[1] * (x.dim() - 3)).expand(x.shape[:-1])
        positions = real.flatten().nonzero()[:, 0]
        if len(positions) == 0:
            return x, ()
        y = self._normalised(numbers[positions]).to(x.dtype)
        return torch.zeros_like(numbers).index_copy(0, positions, y).view(x.shape), ()

    def _normalised(self, x: Tensor) -> Tensor:
        """Of (N, C) or (B, C, N).

        Not of four axes: there torch 2.13 gives wrong gradients where an axis of one step or frequency leaves open
        which order of memory it is.
        """
        if self.training and x.numel() == x.shape[1]:
            raise ShapeError("BatchNorm cannot train on a single valid step. Use longer slices or more rows.")
        y: Tensor = self.norm(x)
        return y

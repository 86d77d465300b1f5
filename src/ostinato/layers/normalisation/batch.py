"""Normalisation over the valid steps of a batch.

Axes: B batch, T time steps, F frequencies, C features or channels, N valid steps.
"""

from torch import Tensor, nn

from ...core import SequenceLayer, Size, axes, valid_steps
from ...errors import ShapeError
from ..sizes import at_least_one


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
        ConfigError: a size is below 1.
        ShapeError: in ``train()``, a single valid step, or a single number of each channel: it has no variance.

    Source:
        Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1; ``torch.nn.BatchNorm1d`` and ``BatchNorm2d``, whose
        running variance is the unbiased one. We leave padded steps out of the statistics.
    """

    def __init__(self, input_size: Size, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        at_least_one(input_size=input_size)
        self.input_size = self.output_size = input_size
        *others, channels = axes(input_size)
        kind = nn.BatchNorm2d if others else nn.BatchNorm1d
        self.norm = kind(channels, eps=eps, momentum=momentum)

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Padded steps are zero here, and would count, so they are left out while training."""
        if self.training and lengths is not None:
            return self._train_on_some(x, lengths), ()
        if x.numel() == 0:
            return x, ()
        if self.training:
            self._refuse_one(x.numel() // x.shape[-1])
        return self.norm(x.movedim(-1, 1)).movedim(1, -1), ()

    def _train_on_some(self, x: Tensor, lengths: Tensor) -> Tensor:
        mask = valid_steps(lengths, x.shape[1])
        steps = x[mask]  # (N, C) or (N, F, C)
        numbers = steps.flatten(0, -2)
        if len(numbers) == 0:
            return x
        self._refuse_one(len(numbers))
        y = self.norm(numbers.view(*numbers.shape, *[1] * (x.dim() - 2))).to(x.dtype)
        return x.masked_scatter(mask.view(*mask.shape, *[1] * (x.dim() - 2)), y)

    def _refuse_one(self, count: int) -> None:
        if count == 1:
            raise ShapeError("BatchNorm cannot train on a single valid step. Use longer slices or more rows.")

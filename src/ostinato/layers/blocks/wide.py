"""A block of convolutions with kernels of several sizes in parallel.

Axes: B batch, T time steps, I input features, O output features, K kernel size.
"""

from collections.abc import Sequence

from ...errors import ConfigError
from ..combining.parallel import Parallel
from ..options import yes_or_no
from ..sizes import at_least_one, whole_numbers
from .conv import ConvBlock
from .parts import Activation, Norm
from .waiting import in_step


class WideBlock(Parallel):
    """y = [block_1(x), block_2(x), ...], one ``ConvBlock`` for each kernel size, side by side along the features.

           .-> K = 3 -> norm -> f -.
        x -+-> K = 5 -> norm -> f -+-> y
           '-> K = 7 -> norm -> f -'

    Args:
        input_size: features per step, I.
        channels: features that come of each kernel.
        kernel_sizes: steps of each kernel, no two alike.
        stride, dilation, norm, activation, pooling, pool_size, dropout: as in ``ConvBlock``, for each of them.
        centred: whether each kernel looks as far ahead as back, (K - 1) // 2 * dilation steps; the shorter ones wait
            for the longest, so that all refer to the same step. Otherwise all look back only.

    Shape:
        x (B, T, I), y (B, T // S, O), O = channels * len(kernel_sizes), S the stride of each block.
        The state is a tuple of the blocks' states.

    Raises:
        ConfigError: a size is below 1, no kernel size is given or one twice, a centred block has a stride that does not
            divide what it must wait, or a norm, an activation, a pooling or a rate is not one.

    Source:
        Litvinov 2021, CNN and RNN, "Wide convolutions"; Kim 2014, arXiv:1408.5882, section 2, whose maximum over all
        steps is a pooling of its own.

    >>> block = WideBlock(3, 4, (3, 5, 7))
    >>> block.output_size, block.receptive_field, WideBlock(3, 4, (3, 5, 7), centred=True).latency
    (12, 7, 3)
    """

    def __init__(
        self,
        input_size: int,
        channels: int,
        kernel_sizes: Sequence[int] = (3, 5, 7),
        *,
        stride: int = 1,
        dilation: int = 1,
        norm: Norm = "batch",
        activation: Activation = "relu",
        pooling: str | None = None,
        pool_size: int = 2,
        dropout: float = 0.0,
        centred: bool = False,
    ) -> None:
        check_kernels(kernel_sizes)
        yes_or_no(centred=centred)
        at_least_one(input_size=input_size, channels=channels, dilation=dilation)
        blocks = {
            f"kernel{size}": ConvBlock(
                input_size,
                channels,
                size,
                stride=stride,
                dilation=dilation,
                latency=(size - 1) // 2 * dilation if centred else 0,
                norm=norm,
                activation=activation,
                pooling=pooling,
                pool_size=pool_size,
                dropout=dropout,
            )
            for size in kernel_sizes
        }
        super().__init__(**in_step(**blocks))


def check_kernels(kernel_sizes: Sequence[int]) -> None:
    """Refuse kernels that cannot stand side by side.

    Raises:
        ConfigError: there is none, one is below 1, or two are alike.
    """
    if not isinstance(kernel_sizes, Sequence) or not kernel_sizes:
        raise ConfigError(f"kernel_sizes must be at least one size, such as (3, 5, 7), got {kernel_sizes!r}.")
    for size in whole_numbers("kernel_sizes", kernel_sizes):
        at_least_one(kernel_size=size)
    if len(set(kernel_sizes)) < len(kernel_sizes):
        raise ConfigError(
            f"kernel_sizes must differ, got {tuple(kernel_sizes)}. Ask for more channels instead of one size twice."
        )

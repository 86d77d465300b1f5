"""Inception: kernels of several sizes in parallel with a pooling path, each after a cheap 1 x 1.

Axes: B batch, T time steps, I input features, O output features, K kernel size.
"""

from collections.abc import Sequence

from ...core import SequenceLayer
from ...errors import ConfigError
from ..combining.chain import Chain
from ..combining.parallel import Parallel
from ..convolution import Conv1d
from ..options import yes_or_no
from ..pooling import MaxPool1d
from ..sizes import at_least_one, check_size, sequence, whole_numbers
from .conv import ConvBlock
from .parts import Activation, Norm, activation_layer, in_order, norm_layer, present
from .waiting import in_step
from .wide import check_kernels


class InceptionBlock(Parallel):
    """y = [1 x 1, 1 x 1 -> K, ..., pool -> 1 x 1], each convolution followed by norm and f.

           .-> 1 x 1 ----------------.
        x -+-> 1 x 1 -> K = 3 -------+-> y
           +-> 1 x 1 -> K = 5 -------+
           '-> maximum of 3 -> 1 x 1 '

    Args:
        input_size: features per step, I.
        pointwise: features of the first path.
        branches: for each kernel the features between its 1 x 1 and it, and those that come of it.
        pooled: features of the last path.
        kernel_sizes: steps of each kernel, no two alike.
        pool_size: steps of the window of the pooling, which does not stride.
        norm, activation: as in ``ConvBlock``, after every convolution.
        centred: whether kernels and pooling look as far ahead as back, and the shorter ones wait for the longest.

    Shape:
        x (B, T, I), y (B, T, O), O the sum of all paths. The state is a tuple of the paths' states.

    Raises:
        ConfigError: a size is below 1, there is not one branch for each kernel, a kernel size is given twice, or a norm
            or an activation is not one.

    Source:
        Szegedy et al. 2014, arXiv:1409.4842, figure 2 (b); the norm, of Ioffe & Szegedy 2015, can be left out.

    >>> InceptionBlock(192, 64, ((96, 128), (16, 32)), 32).output_size
    256
    """

    def __init__(
        self,
        input_size: int,
        pointwise: int,
        branches: Sequence[tuple[int, int]],
        pooled: int,
        *,
        kernel_sizes: Sequence[int] = (3, 5),
        pool_size: int = 3,
        norm: Norm = None,
        activation: Activation = "relu",
        centred: bool = False,
    ) -> None:
        check_kernels(kernel_sizes)
        yes_or_no(centred=centred)
        pairs = [whole_numbers("each branch", branch) for branch in sequence("branches", branches, "pairs")]
        if len(pairs) != len(kernel_sizes) or any(len(pair) != 2 for pair in pairs):
            raise ConfigError(
                f"branches must be a pair (features between, features out) for each of the {len(kernel_sizes)} kernel "
                f"sizes, got {branches!r}."
            )

        at_least_one(input_size=input_size, pointwise=pointwise, pooled=pooled, pool_size=pool_size)
        for pair in pairs:
            check_size(branch=pair)

        def conv(before: int, after: int, size: int = 1) -> ConvBlock:
            ahead = (size - 1) // 2 if centred else 0
            return ConvBlock(before, after, size, latency=ahead, norm=norm, activation=activation)

        paths: dict[str, SequenceLayer] = {"pointwise": conv(input_size, pointwise)}
        for size, (between, after) in zip(kernel_sizes, pairs, strict=True):
            paths[f"kernel{size}"] = Chain(
                reduce=conv(input_size, between), convolution=conv(between, after, size)
            )
        pool = _pool(input_size, pool_size, centred)
        paths["pooled"] = Chain(pooling=pool, convolution=conv(input_size, pooled))
        super().__init__(**in_step(**paths))


class InceptionTimeBlock(Chain):
    """y = f(norm([K_1 * b, K_2 * b, ..., V * maximum of x])), b = U * x the bottleneck.

           .-> 1 x 1 -+-> K = 10 -.
        x -|          +-> K = 20 -+-> norm -> f -> y
           |          '-> K = 40 -+
           '-> maximum of 3 -> 1 x 1

    Args:
        input_size: features per step, I.
        channels: features of each path.
        kernel_sizes: steps of each kernel, no two alike.
        bottleneck: features of b; None means no bottleneck, and always so where x has one feature.
        pool_size: steps of the window of the pooling, which does not stride.
        norm, activation: as in ``ConvBlock``, once after all paths.
        centred: whether kernels and pooling look as far ahead as back, and the shorter ones wait for the longest.

    Shape:
        x (B, T, I), y (B, T, O), O = channels * (len(kernel_sizes) + 1). The state is a tuple of the layers' states.

    Raises:
        ConfigError: a size is below 1, a kernel size is given twice, or a norm or an activation is not one.

    Source:
        Fawaz et al. 2019, arXiv:1909.04939, section 3.1 and figure 2; their network adds x to what every third block
        gives (``Residual``). As in their code one feature gets no bottleneck.

    >>> InceptionTimeBlock(3).output_size, InceptionTimeBlock(3).receptive_field
    (128, 40)
    """

    def __init__(
        self,
        input_size: int,
        channels: int = 32,
        kernel_sizes: Sequence[int] = (10, 20, 40),
        *,
        bottleneck: int | None = 32,
        pool_size: int = 3,
        norm: Norm = "batch",
        activation: Activation = "relu",
        centred: bool = False,
    ) -> None:
        check_kernels(kernel_sizes)
        yes_or_no(centred=centred)
        at_least_one(input_size=input_size, channels=channels, pool_size=pool_size)
        at_least_one(bottleneck=1 if bottleneck is None else bottleneck)
        narrow = bottleneck is not None and input_size > 1
        before = bottleneck if narrow and bottleneck is not None else input_size
        kernels = Parallel(
            **in_step(
                **{
                    f"kernel{size}": Conv1d(
                        before, channels, size, bias=False, latency=(size - 1) // 2 if centred else 0
                    )
                    for size in kernel_sizes
                }
            )
        )
        wide = in_order(reduce=Conv1d(input_size, before, 1, bias=False) if narrow else None, kernels=kernels)
        pool = _pool(input_size, pool_size, centred)
        pooled = Chain(pooling=pool, convolution=Conv1d(input_size, channels, 1, bias=False))
        size = channels * (len(kernel_sizes) + 1)
        after = present(norm=norm_layer(norm, size), activation=activation_layer(activation))
        super().__init__(paths=Parallel(**in_step(wide=wide, pooled=pooled)), **after)


def _pool(size: int, steps: int, centred: bool) -> SequenceLayer:
    pool = MaxPool1d(size, steps, stride=1)
    # the same numbers, said to be about the middle of the window
    pool.latency = (steps - 1) // 2 if centred else 0
    return pool

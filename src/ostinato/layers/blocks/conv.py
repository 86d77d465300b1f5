"""A convolution block: convolution, norm, activation, dropout.

Axes: B batch, T time steps, I input features, O output features, K kernel size, S stride of all together.
"""

from ...core import SequenceLayer
from ...errors import ConfigError, shortened
from ..combining.chain import Chain
from ..convolution import Conv1d
from ..pooling import AvgPool1d, MaxPool1d
from ..sizes import at_least_one
from .parts import Activation, Norm, activation_layer, dropout_layer, norm_layer, present

POOLS: dict[str, type[MaxPool1d | AvgPool1d]] = {"max": MaxPool1d, "average": AvgPool1d}


class ConvBlock(Chain):
    """y = dropout(pool(activation(norm(W * x)))), each of the last four only where it is asked for.

        x -> convolution -> norm -> activation -> pooling -> dropout -> y

    Args:
        input_size, output_size, kernel_size, stride, dilation, groups, latency: as in ``Conv1d``.
        bias: whether the convolution adds one; None means only without a norm, which has its own.
        norm: "batch", "layer", None, or a function of the size that makes a layer.
        activation: "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", None, or what makes a module.
        pooling: "max", "average" or None.
        pool_size: steps of the window of the pooling, which are also its stride.
        dropout: rate at which single numbers are dropped.

    Shape:
        x (B, T, I), y (B, T // S, O), S = stride * pool_size. The state is a tuple of the layers' states.

    Raises:
        ConfigError: a size is below 1, groups do not divide both feature counts, or a norm, an activation, a pooling or
            a rate is not one.

    Source:
        The order of the layers: Litvinov 2021, CNN and RNN, "Common architectures". Batch norm before the activation:
        Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.2, which also drops the bias.

    >>> block = ConvBlock(3, 8, kernel_size=5, pooling="max")
    >>> block.stride, block.receptive_field
    (Fraction(2, 1), 6)
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        kernel_size: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: bool | None = None,
        latency: int = 0,
        norm: Norm = "batch",
        activation: Activation = "relu",
        pooling: str | None = None,
        pool_size: int = 2,
        dropout: float = 0.0,
    ) -> None:
        bias = norm is None if bias is None else bias
        convolution = Conv1d(
            input_size,
            output_size,
            kernel_size,
            stride=stride,
            dilation=dilation,
            groups=groups,
            bias=bias,
            latency=latency,
        )
        layers = present(
            convolution=convolution,
            norm=norm_layer(norm, output_size),
            activation=activation_layer(activation),
            pooling=_pool(pooling, output_size, pool_size),
            dropout=dropout_layer(dropout),
        )
        super().__init__(**layers)


def _pool(pooling: str | None, size: int, steps: int) -> SequenceLayer | None:
    at_least_one(pool_size=steps)
    if pooling is None:
        return None
    if not isinstance(pooling, str) or pooling not in POOLS:
        raise ConfigError(f"pooling must be {', '.join(map(repr, POOLS))} or None, got {shortened(pooling)}.")
    return POOLS[pooling](size, steps)

"""DenseNet: the dense block, and the transition layer between two of them.

Axes: B batch, T time steps, I input features, O output features, K kernel size, G growth rate.
"""

from ...core import SequenceLayer
from ...errors import ConfigError
from ..combining.chain import Chain
from ..combining.dense_connections import DenseConnections
from ..convolution import Conv1d
from ..pooling import AvgPool1d
from ..sizes import at_least_one
from .parts import Activation, Norm, activation_layer, dropout_layer, in_order, norm_layer, present


class DenseBlock(DenseConnections):
    """x_n = H_n([x_0, ..., x_(n-1)]), y = [x_0, ..., x_N], each H_n of G features.

        H without a bottleneck:  norm -> f -> K, G -> dropout
        H with one, of b:        norm -> f -> 1 x 1, b G -> norm -> f -> K, G -> dropout

    Args:
        input_size: features per step, I.
        growth_rate: features that each layer adds, G.
        layers: how many there are, N.
        kernel_size: steps of the kernels, K.
        bottleneck: b, features of the 1 x 1 as a multiple of G; None for layers without.
        dilation: of the kernels.
        norm: "batch", "layer", None, or a function of the size that makes a layer.
        activation: f, a name such as "relu", None, or what makes a module; see ``ConvBlock``.
        dropout: rate at which single numbers of what a layer adds are dropped.

    Shape:
        x (B, T, I), y (B, T, I + N G). The state is a tuple, one part for each layer.

    Raises:
        ConfigError: a size is below 1, or a norm, an activation or a rate is not one.

    Source:
        Huang et al. 2016, arXiv:1608.06993, section 3: composite function, growth rate, bottleneck layers (DenseNet-B).
        Kernels look back only. Dropout follows the kernel alone; theirs follows the 1 x 1 too (section 4.2).

    >>> block = DenseBlock(16, growth_rate=12, layers=4)
    >>> block.output_size, block.receptive_field
    (64, 9)
    """

    def __init__(
        self,
        input_size: int,
        growth_rate: int,
        layers: int,
        kernel_size: int = 3,
        *,
        bottleneck: int | None = 4,
        dilation: int = 1,
        norm: Norm = "batch",
        activation: Activation = "relu",
        dropout: float = 0.0,
    ) -> None:
        at_least_one(input_size=input_size, growth_rate=growth_rate, layers=layers)
        at_least_one(bottleneck=1 if bottleneck is None else bottleneck)
        bias = norm is None

        def composite(size: int) -> SequenceLayer:
            between = size if bottleneck is None else bottleneck * growth_rate
            narrow = bottleneck is not None
            return in_order(
                norm1=norm_layer(norm, size) if narrow else None,
                activation1=activation_layer(activation) if narrow else None,
                convolution1=Conv1d(size, between, 1, bias=bias) if narrow else None,
                norm2=norm_layer(norm, between),
                activation2=activation_layer(activation),
                convolution2=Conv1d(between, growth_rate, kernel_size, dilation=dilation, bias=bias),
                dropout=dropout_layer(dropout),
            )

        super().__init__(*(composite(input_size + index * growth_rate) for index in range(layers)))
        self.growth_rate = growth_rate


class TransitionLayer(Chain):
    """Fewer features and fewer steps, between two dense blocks.

        x -> norm -> f -> 1 x 1, compression I -> average of pool_size -> y

    Args:
        input_size: features per step, I.
        compression: O / I, above 0 and at most 1; O is rounded down.
        pool_size: steps of the window of the pooling, which are also its stride.
        norm, activation: as in ``DenseBlock``.

    Shape:
        x (B, T, I), y (B, T // pool_size, O). The state is a tuple of the layers' states.

    Raises:
        ConfigError: a size is below 1, the compression is not within its bounds or leaves no feature, or a norm or an
            activation is not one.

    Source:
        Huang et al. 2016, arXiv:1608.06993, section 3, transition layers and compression (DenseNet-C). The activation
        is in their code, not in the text.

    >>> TransitionLayer(64).output_size
    32
    """

    def __init__(
        self,
        input_size: int,
        compression: float = 0.5,
        pool_size: int = 2,
        *,
        norm: Norm = "batch",
        activation: Activation = "relu",
    ) -> None:
        at_least_one(input_size=input_size, pool_size=pool_size)
        if (
            isinstance(compression, bool)
            or not isinstance(compression, int | float)
            or not 0 < compression <= 1
        ):
            raise ConfigError(f"compression must be above 0 and at most 1, got {compression!r}.")
        size = int(compression * input_size)
        if size < 1:
            raise ConfigError(
                f"a compression of {compression} leaves none of {input_size} features. Raise it to at least "
                f"{1 / input_size:.2g}."
            )
        layers = present(
            norm=norm_layer(norm, input_size),
            activation=activation_layer(activation),
            convolution=Conv1d(input_size, size, 1, bias=norm is None),
            pooling=AvgPool1d(size, pool_size),
        )
        super().__init__(**layers)

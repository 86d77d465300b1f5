"""Residual blocks: basic and bottleneck, whose layers compute what is added to x.

Axes: B batch, T time steps, I input features, O output features, K kernel size, S stride.
"""

from ...core import SequenceLayer
from ..combining.chain import Chain
from ..combining.residual import Residual
from ..convolution import Conv1d
from ..options import yes_or_no
from ..sizes import at_least_one
from .parts import (
    Activation,
    Norm,
    activation_layer,
    dropout_layer,
    in_order,
    norm_layer,
    present,
    projection,
)


class ResidualBlock(Chain):
    """y = f(F(x) + x), F two convolutions; with ``pre_activation`` y = F(x) + x.

        x -> conv -> norm -> f -> dropout -> conv -> norm -> + -> f -> y           after He et al. 2015
        '------------------- 1 x 1 or as it is --------------'
        x -> norm -> f -> conv -> norm -> f -> dropout -> conv -> + -> y           pre_activation, He et al. 2016
        '------------------- 1 x 1 or as it is -------------------'

    Where the features or the steps change, the shortcut is a 1 x 1 convolution (their option B), with a norm if the
    block ends in one.

    Args:
        input_size: features per step, I.
        output_size: features of the output, O; None means I.
        kernel_size: steps of both kernels, K.
        stride: of the first convolution, S.
        dilation: of both.
        norm: "batch", "layer", None, or a function of the size that makes a layer.
        activation: f, a name such as "relu", None, or what makes a module; see ``ConvBlock``.
        dropout: rate between the convolutions.
        pre_activation: whether norm and f come before each convolution, so that x goes on unchanged.

    Shape:
        x (B, T, I), y (B, T // S, O). The state is a tuple of the layers' states.

    Raises:
        ConfigError: a size is below 1, or a norm, an activation or a rate is not one.

    Source:
        He et al. 2015, arXiv:1512.03385, section 3 and figure 5 (left); He et al. 2016, arXiv:1603.05027, figure 1 (b),
        where we project x itself, not what its first activation makes of it. Dropout between the convolutions:
        Zagoruyko & Komodakis 2016, arXiv:1605.07146, section 2.4. Kernels look back only.

    >>> ResidualBlock(3, 8, kernel_size=5, stride=2).receptive_field
    13
    """

    def __init__(
        self,
        input_size: int,
        output_size: int | None = None,
        kernel_size: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        norm: Norm = "batch",
        activation: Activation = "relu",
        dropout: float = 0.0,
        pre_activation: bool = False,
    ) -> None:
        output_size = input_size if output_size is None else output_size
        at_least_one(input_size=input_size, output_size=output_size)
        yes_or_no(pre_activation=pre_activation)
        bias = norm is None
        first = Conv1d(input_size, output_size, kernel_size, stride=stride, dilation=dilation, bias=bias)
        second = Conv1d(output_size, output_size, kernel_size, dilation=dilation, bias=bias)
        body = _body([first, second], norm, activation, dropout, pre_activation)
        super().__init__(**_around(body, stride, norm, activation, pre_activation))


class BottleneckBlock(Chain):
    """y = f(F(x) + x), F three convolutions of 1, K and 1 steps; with ``pre_activation`` y = F(x) + x.

        x -> 1 x 1, M -> norm, f -> K, M -> norm, f -> 1 x 1, expansion M -> norm -> + -> f -> y
        '------------------------- 1 x 1 or as it is --------------------------------'

    Args:
        input_size: features per step, I.
        channels: features within the bottleneck, M.
        kernel_size: steps of the kernel in the middle, K.
        expansion: O = expansion * M.
        stride, dilation: of the convolution in the middle.
        norm, activation, pre_activation: as in ``ResidualBlock``.
        dropout: rate before the last convolution.

    Shape:
        x (B, T, I), y (B, T // S, O). The state is a tuple of the layers' states.

    Raises:
        ConfigError: a size is below 1, or a norm, an activation or a rate is not one.

    Source:
        He et al. 2015, arXiv:1512.03385, figure 5 (right). They stride in the first 1 x 1; here, as in most networks
        since, the middle one does, so that no step goes unheard.

    >>> BottleneckBlock(16, 4).output_size
    16
    """

    def __init__(
        self,
        input_size: int,
        channels: int,
        kernel_size: int = 3,
        *,
        expansion: int = 4,
        stride: int = 1,
        dilation: int = 1,
        norm: Norm = "batch",
        activation: Activation = "relu",
        dropout: float = 0.0,
        pre_activation: bool = False,
    ) -> None:
        at_least_one(input_size=input_size, channels=channels, expansion=expansion)
        yes_or_no(pre_activation=pre_activation)
        bias = norm is None
        convolutions = [
            Conv1d(input_size, channels, 1, bias=bias),
            Conv1d(channels, channels, kernel_size, stride=stride, dilation=dilation, bias=bias),
            Conv1d(channels, expansion * channels, 1, bias=bias),
        ]
        body = _body(convolutions, norm, activation, dropout, pre_activation)
        super().__init__(**_around(body, stride, norm, activation, pre_activation))


def _body(
    convolutions: list[Conv1d], norm: Norm, activation: Activation, dropout: float, first: bool
) -> SequenceLayer:
    """Convolutions, norms and activations, the latter two ``first`` or last, none after the last sum."""
    layers: dict[str, SequenceLayer | None] = {}
    for index, convolution in enumerate(convolutions, start=1):
        size = convolution.input_size if first else convolution.output_size
        assert isinstance(size, int)
        around = {f"norm{index}": norm_layer(norm, size), f"activation{index}": activation_layer(activation)}
        last: dict[str, SequenceLayer | None] = {f"convolution{index}": convolution}
        if index == len(convolutions):
            last = {"dropout": dropout_layer(dropout), **last}
            if not first:
                del around[f"activation{index}"]  # it comes after the sum
        layers |= around | last if first else last | around
    return in_order(**layers)


def _around(
    body: SequenceLayer, stride: int, norm: Norm, activation: Activation, first: bool
) -> dict[str, SequenceLayer]:
    """The sum of the body and its shortcut, and what comes after."""
    before, after = body.input_size, body.output_size
    assert isinstance(before, int)
    assert isinstance(after, int)
    same = before == after and stride == 1
    shortcut = None if same else projection(before, after, stride, None if first else norm)
    return present(paths=Residual(body, shortcut), activation=None if first else activation_layer(activation))

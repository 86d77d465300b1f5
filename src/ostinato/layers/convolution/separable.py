"""Depthwise, pointwise and depthwise-separable convolutions.

Axes: B batch, T time steps, C input features, O output features, K kernel size, M multiplier.
"""

from ...core import SequenceLayer
from ..combining.chain import Chain
from ..options import yes_or_no
from ..sizes import at_least_one
from .causal import Conv1d


class DepthwiseConv1d(Conv1d):
    """Causal convolution of each feature on its own: y[t, c M + m] sees feature c only.

    Args:
        input_size: features per step, C.
        kernel_size: steps that the kernel touches, K.
        multiplier: outputs for each feature, M.
        stride, dilation, bias, latency, weight_norm: as in ``Conv1d``.

    Shape:
        x (B, T, C), y (B, T // stride, C M), the M outputs of a feature side by side. It has C M K weights.

    Raises:
        ConfigError: as ``Conv1d``; the multiplier is below 1.

    Source:
        ``torch.nn.Conv1d`` with groups = C. Howard et al. 2017, MobileNets, arXiv:1704.04861, section 3.1, equation 3,
        where M is 1.
    """

    def __init__(
        self,
        input_size: int,
        kernel_size: int,
        *,
        multiplier: int = 1,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
        latency: int = 0,
        weight_norm: bool = False,
    ) -> None:
        at_least_one(input_size=input_size, multiplier=multiplier)
        super().__init__(
            input_size,
            input_size * multiplier,
            kernel_size,
            stride=stride,
            dilation=dilation,
            groups=input_size,
            bias=bias,
            latency=latency,
            weight_norm=weight_norm,
        )


class PointwiseConv1d(Conv1d):
    """y[t] = W x[t] + b, a convolution with a kernel of one step: it mixes features and no steps.

    ``Dense`` gives the same numbers; this one keeps the channel-first memory of the convolutions around it.

    Args:
        input_size: features per step, C.
        output_size: features of the output, O.
        stride, groups, bias, weight_norm: as in ``Conv1d``. With a stride it looks at the last step of each block.

    Shape:
        x (B, T, C), y (B, T // stride, O). It has C O / groups weights.

    Raises:
        ConfigError: as ``Conv1d``.

    Source:
        Lin et al. 2013, Network In Network, arXiv:1312.4400, section 3; the name is that of Howard et al. 2017.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
        weight_norm: bool = False,
    ) -> None:
        super().__init__(
            input_size, output_size, 1, stride=stride, groups=groups, bias=bias, weight_norm=weight_norm
        )


class SeparableConv1d(Chain):
    """A depthwise convolution, then a pointwise one: along time and across features, one after the other.

    It has C M K + C M O weights where ``Conv1d`` has C O K: with M = 1 that is 1 / O + 1 / K of them.

    Args:
        input_size: features per step, C.
        output_size: features of the output, O.
        kernel_size: steps that the depthwise kernel touches, K.
        stride, dilation, latency, multiplier: of the depthwise part, as in ``DepthwiseConv1d``.
        bias, weight_norm: of both parts.
        between: a layer between the two, on C M features, such as ``Chain(BatchNorm(C), Pointwise(nn.ReLU()))``.

    Shape:
        x (B, T, C), y (B, T // stride, O). The state is a tuple of the parts' states.

    Raises:
        ConfigError: as ``DepthwiseConv1d`` and ``PointwiseConv1d``; ``between`` is no layer or of other sizes.

    Source:
        Howard et al. 2017, MobileNets, arXiv:1704.04861, section 3.1, equation 5. There a batch norm and a ReLU follow
        each part (figure 3); here the first pair is ``between``, the second comes after this layer.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        latency: int = 0,
        multiplier: int = 1,
        bias: bool = True,
        weight_norm: bool = False,
        between: SequenceLayer | None = None,
    ) -> None:
        yes_or_no(bias=bias, weight_norm=weight_norm)
        depthwise = DepthwiseConv1d(
            input_size,
            kernel_size,
            multiplier=multiplier,
            stride=stride,
            dilation=dilation,
            bias=bias,
            latency=latency,
            weight_norm=weight_norm,
        )
        pointwise = PointwiseConv1d(input_size * multiplier, output_size, bias=bias, weight_norm=weight_norm)
        super().__init__(**by_name(depthwise, between, pointwise))


def by_name(
    depthwise: SequenceLayer, between: SequenceLayer | None, pointwise: SequenceLayer
) -> dict[str, SequenceLayer]:
    """The parts of a separable convolution, in their order."""
    middle = {} if between is None else {"between": between}
    return {"depthwise": depthwise, **middle, "pointwise": pointwise}

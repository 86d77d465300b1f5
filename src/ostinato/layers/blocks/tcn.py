"""The block of the temporal convolutional network.

Axes: B batch, T time steps, I input features, O output features, K kernel size.
"""

from torch import nn

from ...core import SequenceLayer
from ..combining.chain import Chain
from ..combining.residual import Residual
from ..convolution import Conv1d
from ..convolution.kernels import normalise_weight
from ..dropout import Dropout1d
from ..options import yes_or_no
from ..pointwise import Pointwise
from ..recurrent.dropout import check_rate
from ..sizes import at_least_one
from .parts import Activation, activation_layer


class TCNBlock(Chain):
    """y = f(F(x) + x), F two dilated causal convolutions, each with weight norm, f and dropout.

        x -> conv -> f -> dropout -> conv -> f -> dropout -> + -> f -> y
        '-------------- 1 x 1 where I is not O --------------'

    A stack whose n-th block, from 0, has dilation 2^n sees 1 + 2 (K - 1) (2^levels - 1) steps.

    Args:
        input_size: features per step, I.
        output_size: features of the output, O; None means I.
        kernel_size: steps of both kernels, K.
        dilation: of both.
        dropout: rate after each activation.
        activation: f, a name such as "relu", or what makes a module; see ``ConvBlock``.
        weight_norm: whether weights are written as g v / |v|, a gain and a direction for each output.
        spatial_dropout: whether whole channels are dropped, one draw for a sequence; else single numbers.

    Shape:
        x (B, T, I), y (B, T, O). The state is a tuple of the layers' states.

    Raises:
        ConfigError: a size is below 1, or an activation or a rate is not one.

    Source:
        Bai, Kolter & Koltun 2018, arXiv:1803.01271, section 3.4 and figure 1 (b). The paper drops whole channels, its
        code single numbers: ``spatial_dropout`` chooses. Weights begin as He et al. 2015, arXiv:1502.01852, propose for
        ReLU, not as N(0, 0.01). Weight norm: Salimans & Kingma 2016, arXiv:1602.07868.

    >>> TCNBlock(3, 8, kernel_size=3, dilation=4).receptive_field
    17
    """

    def __init__(
        self,
        input_size: int,
        output_size: int | None = None,
        kernel_size: int = 3,
        *,
        dilation: int = 1,
        dropout: float = 0.0,
        activation: Activation = "relu",
        weight_norm: bool = True,
        spatial_dropout: bool = True,
    ) -> None:
        output_size = input_size if output_size is None else output_size
        at_least_one(input_size=input_size, output_size=output_size)
        yes_or_no(weight_norm=weight_norm, spatial_dropout=spatial_dropout)
        body: list[SequenceLayer] = []
        for size in (input_size, output_size):
            convolution = Conv1d(size, output_size, kernel_size, dilation=dilation)
            # before weight norm: afterwards "weight" is computed, and filling it fills a copy
            nn.init.kaiming_uniform_(convolution.weight, nonlinearity="relu")
            if weight_norm:
                normalise_weight(convolution)
            body += [
                convolution,
                _activation(activation),
                _dropout(output_size, dropout, spatial_dropout),
            ]
        shortcut = None if input_size == output_size else Conv1d(input_size, output_size, 1)
        # by their places: the names of weights that were saved
        super().__init__(Residual(Chain(*body), shortcut), _activation(activation))


def _activation(activation: Activation) -> SequenceLayer:
    return activation_layer(activation) or Pointwise(nn.Identity())


def _dropout(size: int, dropout: float, spatial: bool) -> SequenceLayer:
    rate = check_rate("dropout", dropout)
    return Dropout1d(size, rate) if spatial and rate else Pointwise(nn.Dropout(rate))

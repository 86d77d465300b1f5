"""Transposed convolution, also called deconvolution: several steps out for each step in.

Axes: B batch, T time steps, C input features, O output features, K kernel size, S stride.
"""

from torch import Tensor, nn

from ...errors import ConfigError
from ...ops.convolution import convolve_transposed
from ..options import yes_or_no
from ..overlapping import Overlapping
from ..sizes import at_least_one
from .kernels import check_kernel, own_weights


class ConvTranspose1d(Overlapping):
    """Each step in adds its kernel to the steps out: y[n] = b + sum of W[k] x[t] over t and k, S t + k dilation = n.

    T steps give S T outputs at once; what they add to later ones is the state. Parameters are named, shaped and
    initialised as in ``torch.nn.ConvTranspose1d``; its weights load as they are.

    Args:
        input_size: features per step, C.
        output_size: features of the output, O.
        kernel_size: steps out that a step in touches, K.
        stride: steps out for each step in, S.
        groups: parts into which features are split, each convolved on its own.
        dilation: distance in steps out between the touched ones.
        bias: whether a bias is added.
        latency: steps in by which the output lags: 0, or more where the kernel is centred, as of the decoder whose
            encoder sees frames of K steps. The numbers are the same; y at S t is then about x[t - latency], and
            ``flush`` gives what is owed at the end.
        weight_norm: as in ``Conv1d``, with a magnitude for each output (torch's own default is one for each input).

    Shape:
        x (B, T, C), y (B, S T, O), state.owed (B, (K - 1) * dilation + 1 - S, O).

    Raises:
        ConfigError: a size is below 1, groups do not divide both feature counts, or an output step would see no input
            step because the kernel is shorter than the stride or dilated past it; weight_norm with groups.

    Source:
        ``torch.nn.ConvTranspose1d`` without the last (K - 1) * dilation + 1 - S of its outputs, which later steps would
        still change. There is no padding and no output_padding: they cut or add steps at the ends of a whole sequence,
        and a stream has no end. Zeiler et al. 2010, Deconvolutional Networks.

    >>> import torch
    >>> y, state = ConvTranspose1d(3, 5, kernel_size=4, stride=2)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.owed.shape)
    ((2, 14, 5), (2, 2, 5))
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        input_size: int,
        output_size: int,
        kernel_size: int,
        *,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        bias: bool = True,
        latency: int = 0,
        weight_norm: bool = False,
    ) -> None:
        check_kernel(input_size, output_size, kernel_size, dilation, groups)
        yes_or_no(bias=bias, weight_norm=weight_norm)
        at_least_one(stride=stride)
        _check_reach(kernel_size, dilation, stride)
        super().__init__(input_size, output_size, (kernel_size - 1) * dilation + 1, stride)
        self.dilation, self.groups = dilation, groups
        self._touches(range(0, self.span, dilation))
        self._set_latency(latency)
        if weight_norm and groups > 1:
            raise ConfigError(
                f"weight_norm has one magnitude for each output, which no axis of a weight of {groups} groups "
                "holds. Leave groups at 1, or weight_norm off."
            )
        like = nn.ConvTranspose1d(input_size, output_size, kernel_size, groups=groups, bias=bias)
        own_weights(self, like, weight_norm, dim=1)

    def spread(self, x: Tensor) -> Tensor:
        """One call of torch's transposed convolution on channel-first memory."""
        total = convolve_transposed(
            x.transpose(1, 2), self.weight, stride=self.factor, dilation=self.dilation, groups=self.groups
        )
        return total.transpose(1, 2)

    def finish(self, total: Tensor) -> Tensor:
        """Add the bias, once."""
        return total if self.bias is None else total + self.bias


def _check_reach(kernel_size: int, dilation: int, stride: int) -> None:
    """Every output step must see some input step."""
    reached = len({tap * dilation % stride for tap in range(min(kernel_size, stride))})
    if reached < stride:
        raise ConfigError(
            f"a kernel of {kernel_size} with dilation {dilation} reaches {reached} of the {stride} output steps of "
            f"each stride, the others would be the bias alone. Use a kernel_size of at least {stride} and a dilation "
            "that shares no factor with the stride."
        )

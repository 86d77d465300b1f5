"""The inference form of a learned-group convolution: an index of features, then a grouped convolution.

Axes: B batch, T time steps, C input features, O output features, K kernel size, G groups, D condense factor.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...core import SequenceLayer, Size, axes
from ...errors import ConfigError
from ..combining.chain import Chain
from ..sizes import at_least_one, check_size, whole_numbers
from .causal import Conv1d


class Select(SequenceLayer):
    """y[t, n] = x[t, indices[n]]: some features, in any order, each as often as it is named.

    Args:
        input_size: features per step, C, or (F, C), of which the last axis is selected from.
        indices: of features, each 0 to C - 1. They are a buffer and saved with the layer.

    Shape:
        x (B, T, C), y (B, T, N), N the number of indices. The state is ().

    Raises:
        ConfigError: no index is given, or one is no feature.
    """

    input_size: Size
    indices: Tensor

    def __init__(self, input_size: Size, indices: Sequence[int]) -> None:
        super().__init__()
        check_size(input_size=input_size)
        indices = whole_numbers("indices", indices)
        if not indices:
            raise ConfigError("indices must name at least one feature, got none.")
        *others, features = axes(input_size)
        wrong = next((index for index in indices if not 0 <= index < features), None)
        if wrong is not None:
            raise ConfigError(f"indices must lie within 0 and {features - 1}, got {wrong}.")
        self.input_size = input_size
        self.output_size = (*others, len(indices)) if others else len(indices)
        self.register_buffer("indices", torch.tensor(indices, dtype=torch.int64))

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Gather in channel-first memory."""
        return x.movedim(-1, 1).index_select(1, self.indices).movedim(1, -1), ()


class CondensedConv1d(Chain):
    """What a ``LearnedGroupConv1d`` has learned: an index of features for each group, then a grouped convolution.

    Args:
        input_size, output_size, kernel_size, groups, condense_factor, stride, dilation, bias, latency: as in
            ``LearnedGroupConv1d``, whose ``condensed`` makes it. Made anew, to load saved numbers into, it looks at the
            features in turn.

    Shape:
        x (B, T, C), y (B, T // stride, O). The state is a tuple of the parts' states; the convolution's history
        holds the G C / D features of the index. It has O C K / D weights.

    Raises:
        ConfigError: as ``LearnedGroupConv1d``.

    Source:
        Huang et al. 2017, CondenseNet, arXiv:1711.09224, section 4.1, "index layer".
    """

    index: Select
    convolution: Conv1d

    def __init__(
        self,
        input_size: int,
        output_size: int,
        kernel_size: int = 1,
        *,
        groups: int,
        condense_factor: int,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
        latency: int = 0,
    ) -> None:
        check_condensing(input_size, output_size, groups, condense_factor)
        features = groups * input_size // condense_factor
        convolution = Conv1d(
            features,
            output_size,
            kernel_size,
            stride=stride,
            dilation=dilation,
            groups=groups,
            bias=bias,
            latency=latency,
        )
        in_turn = [index % input_size for index in range(features)]
        super().__init__(index=Select(input_size, in_turn), convolution=convolution)


def check_condensing(input_size: int, output_size: int, groups: int, condense_factor: int) -> None:
    """Refuse what leaves features or outputs over.

    Raises:
        ConfigError: a size is no whole number of at least 1, groups do not divide the outputs, or the condense factor
            does not divide the inputs.
    """
    at_least_one(
        input_size=input_size, output_size=output_size, groups=groups, condense_factor=condense_factor
    )
    if output_size % groups:
        raise ConfigError(f"groups must divide output_size {output_size}, got {groups}.")
    if input_size % condense_factor:
        raise ConfigError(f"condense_factor must divide input_size {input_size}, got {condense_factor}.")

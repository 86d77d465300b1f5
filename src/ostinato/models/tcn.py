"""The temporal convolutional network.

Axes: B batch, T time steps, C channels, I input features, O output features.
"""

from typing import Self

from pydantic import model_validator
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from ..core import SequenceLayer
from ..layers import Chain, Conv1d, Dense, Pointwise, Residual
from .config import Depth, Kernel, NetworkConfig, Rate, Size
from .limits import MOST_STEPS


class TCNConfig(NetworkConfig):
    """Fields of a TCN. It sees 1 + 2 (kernel_size - 1) (2^levels - 1) steps."""

    channels: Size = 24
    levels: Depth = 4
    kernel_size: Kernel = 3
    dropout: Rate = 0.1

    @property
    def receptive_field(self) -> int:
        """Steps that it sees."""
        return 1 + 2 * (self.kernel_size - 1) * (2**self.levels - 1)

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if self.receptive_field > MOST_STEPS:
            raise ValueError(
                f"with {self.levels} levels and kernel_size {self.kernel_size} it would look back "
                f"{self.receptive_field:,} steps, at most {MOST_STEPS:,} are allowed; choose fewer levels"
            )
        return self


def tcn(config: TCNConfig, input_size: int, output_size: int) -> SequenceLayer:
    """x (B, T, I) to y (B, T, O).

    Source:
        Bai, Kolter & Koltun 2018, arXiv:1803.01271, section 3: residual blocks of two dilated causal convolutions with
        weight normalisation, ReLU and dropout, the dilation doubling from block to block, and a ReLU after the sum.
        Their code pads both sides and cuts the end off; here nothing is computed that is thrown away.
    """
    sizes = [input_size] + [config.channels] * config.levels
    blocks = [_block(sizes[level], sizes[level + 1], 2**level, config) for level in range(config.levels)]
    return Chain(*blocks, Dense(config.channels, output_size))


def _block(inputs: int, outputs: int, dilation: int, config: TCNConfig) -> SequenceLayer:
    body = Chain(
        *_convolution(inputs, outputs, dilation, config), *_convolution(outputs, outputs, dilation, config)
    )
    shortcut = None if inputs == outputs else Conv1d(inputs, outputs, 1)
    return Chain(Residual(body, shortcut), Pointwise(nn.ReLU()))


def _convolution(inputs: int, outputs: int, dilation: int, config: TCNConfig) -> list[SequenceLayer]:
    convolution = Conv1d(inputs, outputs, config.kernel_size, dilation=dilation)
    # before the parametrisation is put on: afterwards "weight" is computed, and setting its data does nothing
    nn.init.kaiming_uniform_(convolution.weight, nonlinearity="relu")
    return [weight_norm(convolution), Pointwise(nn.ReLU()), Pointwise(nn.Dropout(config.dropout))]

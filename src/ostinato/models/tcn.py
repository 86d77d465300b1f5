"""The temporal convolutional network.

Axes: B batch, T time steps, C channels, I input features, O output features.
"""

from typing import Self

from pydantic import model_validator

from ..core import SequenceLayer
from ..layers import Chain, TCNBlock
from .config import Depth, Kernel, NetworkConfig, Rate, Size
from .heads import OutputHead
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


def tcn(config: TCNConfig, input_size: int, head: OutputHead) -> SequenceLayer:
    """x (B, T, I) to y (B, T, O).

    Source:
        Bai, Kolter & Koltun 2018, arXiv:1803.01271, section 3: residual blocks of two dilated causal convolutions with
        weight normalisation, ReLU and dropout, the dilation doubling from block to block, and a ReLU after the sum.
        Their code pads both sides and cuts the end off; here nothing is computed that is thrown away.
    """
    sizes = [input_size] + [config.channels] * config.levels
    blocks = [
        TCNBlock(
            sizes[level],
            sizes[level + 1],
            config.kernel_size,
            dilation=2**level,
            dropout=config.dropout,
            spatial_dropout=False,
        )
        for level in range(config.levels)
    ]
    return Chain(*blocks, head.layer(config.channels))

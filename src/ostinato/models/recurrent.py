"""Recurrent networks: RNN, LSTM or GRU, then the head at every step.

Axes: B batch, T time steps, I input features, O output features.
"""

from typing import ClassVar

from torch import nn

from ..core import SequenceLayer
from ..layers import GRU, LSTM, RNN, Chain, Pointwise
from ..layers.recurrent import Recurrent
from .config import Depth, NetworkConfig, Rate, Size
from .heads import OutputHead


class RecurrentConfig(NetworkConfig):
    """Fields of a recurrent network. The default sizes were chosen on validation data."""

    cell: ClassVar[type[Recurrent]]

    units: Size = 64
    layers: Depth = 1
    dropout: Rate = 0.1


class RNNConfig(RecurrentConfig):
    """A plain RNN."""

    cell = RNN


class LSTMConfig(RecurrentConfig):
    """Long short-term memory."""

    cell = LSTM


class GRUConfig(RecurrentConfig):
    """Gated recurrent unit."""

    cell = GRU


def recurrent_network(config: RecurrentConfig, input_size: int, head: OutputHead) -> SequenceLayer:
    """x (B, T, I) to y (B, T, O); dropout between the layers and before the head."""
    return Chain(
        memory=config.cell(input_size, config.units, config.layers, dropout=config.dropout),
        dropout=Pointwise(nn.Dropout(config.dropout)),
        head=head.layer(config.units),
    )

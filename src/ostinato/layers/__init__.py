"""Layers that run along time, each a ``SequenceLayer``: one family a file."""

from .combinators import Chain, Identity, Residual
from .convolution import CentredConv1d, Conv1d
from .delay import Delay
from .normalisation import BatchNorm, LayerNorm
from .pointwise import Dense, Pointwise
from .pooling import AvgPool1d, MaxPool1d
from .recurrent import GRU, LSTM, RNN
from .scaling import StandardScaler
from .trades import TradeFeatures
from .windowed import Windowed

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AvgPool1d",
    "BatchNorm",
    "CentredConv1d",
    "Chain",
    "Conv1d",
    "Delay",
    "Dense",
    "Identity",
    "LayerNorm",
    "MaxPool1d",
    "Pointwise",
    "Residual",
    "StandardScaler",
    "TradeFeatures",
    "Windowed",
]

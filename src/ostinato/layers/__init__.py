"""Layers that run along time, each a ``SequenceLayer``: one family a file."""

from .anchored import Anchored
from .combinators import Chain, Identity, Residual
from .convolution import CentredConv1d, Conv1d
from .delay import Delay
from .levels import BarShape, LevelFeatures, RunningScale
from .normalisation import BatchNorm, LayerNorm
from .outputs import Output, Point, Quantiles, StudentT
from .parallel import Parallel
from .pointwise import Dense, Pointwise
from .pooling import AvgPool1d, MaxPool1d
from .raw import Calendar, Columns, ToNetwork
from .recurrent import GRU, LSTM, RNN
from .regression import Regression
from .scaling import StandardScaler
from .trades import TradeFeatures
from .windowed import Windowed

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Anchored",
    "AvgPool1d",
    "BarShape",
    "BatchNorm",
    "Calendar",
    "CentredConv1d",
    "Chain",
    "Columns",
    "Conv1d",
    "Delay",
    "Dense",
    "Identity",
    "LayerNorm",
    "LevelFeatures",
    "MaxPool1d",
    "Output",
    "Parallel",
    "Point",
    "Pointwise",
    "Quantiles",
    "Regression",
    "Residual",
    "RunningScale",
    "StandardScaler",
    "StudentT",
    "ToNetwork",
    "TradeFeatures",
    "Windowed",
]

"""Layers that run along time, each a ``SequenceLayer``: one family a file."""

from .anchored import Anchored
from .attention import AttentionPool
from .blocks import (
    BottleneckBlock,
    ChannelShuffle,
    CondenseBlock,
    CondenseStages,
    ConvBlock,
    DenseBlock,
    InceptionBlock,
    InceptionTimeBlock,
    ResidualBlock,
    SkipConnection,
    TCNBlock,
    TransitionLayer,
    UNet,
    WaveNetBlock,
    WaveNetStack,
    WideBlock,
)
from .combinators import Chain, Identity, Residual
from .convolution import (
    CentredConv1d,
    CondensedConv1d,
    Conv1d,
    ConvTranspose1d,
    DepthwiseConv1d,
    LearnedGroupConv1d,
    PointwiseConv1d,
    Select,
    SeparableConv1d,
)
from .convolution2d import CentredConv2d, Conv2d, SeparableConv2d
from .delay import Delay, InBlocks
from .dense_connections import DenseConnections
from .dropout import Dropout1d
from .embedding import Embedding, OneHot
from .levels import BarShape, LevelFeatures, RunningScale
from .linear_recurrent import LRU, QRNN, SRU, MinGRU, MinLSTM
from .masks import ApplyMask, Magnitude
from .mel import MelFilter
from .mulaw import MuLawDecode, MuLawEncode
from .normalisation import BatchNorm, CumulativeLayerNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from .outputs import Output, Point, Quantiles, StudentT
from .parallel import Parallel
from .pointwise import Dense, Pointwise
from .pooling import (
    AdaptiveAvgPool1d,
    AdaptiveMaxPool1d,
    AvgPool1d,
    GlobalAvgPool1d,
    GlobalMaxPool1d,
    MaxPool1d,
)
from .pooling2d import AvgPool2d, MaxPool2d
from .positional import PositionalFeatures
from .raw import Calendar, Columns, ToNetwork
from .recurrent import (
    GRU,
    LSTM,
    RNN,
    ContextGRU,
    CoupledLSTM,
    LayerNormGRU,
    LayerNormLSTM,
    LayerNormRNN,
    PeepholeLSTM,
)
from .regression import Regression
from .repeat import Repeat
from .resampling import Decimate, Downsample, Interpolate, LowPass, Upsample
from .reversed import Reversed
from .scaling import StandardScaler
from .shapes import Flatten, Unflatten
from .spectral import ISTFT, STFT
from .squeeze import SqueezeExcitation
from .trades import TradeFeatures
from .transposed2d import ConvTranspose2d
from .windowed import Windowed

__all__ = [
    "GRU",
    "ISTFT",
    "LRU",
    "LSTM",
    "QRNN",
    "RNN",
    "SRU",
    "STFT",
    "AdaptiveAvgPool1d",
    "AdaptiveMaxPool1d",
    "Anchored",
    "ApplyMask",
    "AttentionPool",
    "AvgPool1d",
    "AvgPool2d",
    "BarShape",
    "BatchNorm",
    "BottleneckBlock",
    "Calendar",
    "CentredConv1d",
    "CentredConv2d",
    "Chain",
    "ChannelShuffle",
    "Columns",
    "CondenseBlock",
    "CondenseStages",
    "CondensedConv1d",
    "ContextGRU",
    "Conv1d",
    "Conv2d",
    "ConvBlock",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CoupledLSTM",
    "CumulativeLayerNorm",
    "Decimate",
    "Delay",
    "Dense",
    "DenseBlock",
    "DenseConnections",
    "DepthwiseConv1d",
    "Downsample",
    "Dropout1d",
    "Embedding",
    "Flatten",
    "GlobalAvgPool1d",
    "GlobalMaxPool1d",
    "GroupNorm",
    "Identity",
    "InBlocks",
    "InceptionBlock",
    "InceptionTimeBlock",
    "InstanceNorm",
    "Interpolate",
    "LayerNorm",
    "LayerNormGRU",
    "LayerNormLSTM",
    "LayerNormRNN",
    "LearnedGroupConv1d",
    "LevelFeatures",
    "LowPass",
    "Magnitude",
    "MaxPool1d",
    "MaxPool2d",
    "MelFilter",
    "MinGRU",
    "MinLSTM",
    "MuLawDecode",
    "MuLawEncode",
    "OneHot",
    "Output",
    "Parallel",
    "PeepholeLSTM",
    "Point",
    "Pointwise",
    "PointwiseConv1d",
    "PositionalFeatures",
    "Quantiles",
    "RMSNorm",
    "Regression",
    "Repeat",
    "Residual",
    "ResidualBlock",
    "Reversed",
    "RunningScale",
    "Select",
    "SeparableConv1d",
    "SeparableConv2d",
    "SkipConnection",
    "SqueezeExcitation",
    "StandardScaler",
    "StudentT",
    "TCNBlock",
    "ToNetwork",
    "TradeFeatures",
    "TransitionLayer",
    "UNet",
    "Unflatten",
    "Upsample",
    "WaveNetBlock",
    "WaveNetStack",
    "WideBlock",
    "Windowed",
]

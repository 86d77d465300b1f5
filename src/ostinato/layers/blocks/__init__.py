"""Blocks of the known architectures, assembled from the layers: one idea a file."""

from .condense import CondenseBlock, CondenseStages
from .conv import ConvBlock
from .dense import DenseBlock, TransitionLayer
from .inception import InceptionBlock, InceptionTimeBlock
from .residual import BottleneckBlock, ResidualBlock
from .shuffle import ChannelShuffle
from .squeeze import SqueezeExcitation
from .tcn import TCNBlock
from .unet import SkipConnection, UNet
from .wavenet import WaveNetBlock, WaveNetStack
from .wide import WideBlock

__all__ = [
    "BottleneckBlock",
    "ChannelShuffle",
    "CondenseBlock",
    "CondenseStages",
    "ConvBlock",
    "DenseBlock",
    "InceptionBlock",
    "InceptionTimeBlock",
    "ResidualBlock",
    "SkipConnection",
    "SqueezeExcitation",
    "TCNBlock",
    "TransitionLayer",
    "UNet",
    "WaveNetBlock",
    "WaveNetStack",
    "WideBlock",
]

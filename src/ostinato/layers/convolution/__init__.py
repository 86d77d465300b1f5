"""Convolutions along time, one kernel for every step, and along time and frequency: one kind a file."""

from .causal import Conv1d
from .centred import CentredConv1d
from .condensed import CondensedConv1d, Select
from .conv2d import CentredConv2d, Conv2d, SeparableConv2d
from .learned_groups import LearnedGroupConv1d
from .separable import DepthwiseConv1d, PointwiseConv1d, SeparableConv1d
from .transposed import ConvTranspose1d
from .transposed2d import ConvTranspose2d

__all__ = [
    "CentredConv1d",
    "CentredConv2d",
    "CondensedConv1d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "DepthwiseConv1d",
    "LearnedGroupConv1d",
    "PointwiseConv1d",
    "Select",
    "SeparableConv1d",
    "SeparableConv2d",
]

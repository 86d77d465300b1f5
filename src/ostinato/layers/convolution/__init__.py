"""Convolutions along time, one kernel for every step: one kind a file."""

from .causal import Conv1d
from .centred import CentredConv1d
from .condensed import CondensedConv1d, Select
from .learned_groups import LearnedGroupConv1d
from .separable import DepthwiseConv1d, PointwiseConv1d, SeparableConv1d
from .transposed import ConvTranspose1d

__all__ = [
    "CentredConv1d",
    "CondensedConv1d",
    "Conv1d",
    "ConvTranspose1d",
    "DepthwiseConv1d",
    "LearnedGroupConv1d",
    "PointwiseConv1d",
    "Select",
    "SeparableConv1d",
]

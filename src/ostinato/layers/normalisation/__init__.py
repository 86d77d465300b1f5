"""Normalisation that ignores padding, by what the statistics are taken over: the batch, a step, a row, the past."""

from .batch import BatchNorm
from .cumulative import CumulativeLayerNorm, MomentsState
from .group import GroupNorm, InstanceNorm
from .step import LayerNorm, RMSNorm

__all__ = [
    "BatchNorm",
    "CumulativeLayerNorm",
    "GroupNorm",
    "InstanceNorm",
    "LayerNorm",
    "MomentsState",
    "RMSNorm",
]

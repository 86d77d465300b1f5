"""Pooling along time: windows of a fixed number of steps, all steps so far, a fixed number of parts of the whole."""

from .adaptive import AdaptiveAvgPool1d, AdaptiveMaxPool1d
from .attention import AttentionPool
from .pool2d import AvgPool2d, MaxPool2d
from .running import (
    GlobalAvgPool1d,
    GlobalMaxPool1d,
    MaxState,
    MeanState,
    empty_mean,
    running_mean,
    steps_seen,
)
from .windows import AvgPool1d, MaxPool1d

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveMaxPool1d",
    "AttentionPool",
    "AvgPool1d",
    "AvgPool2d",
    "GlobalAvgPool1d",
    "GlobalMaxPool1d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxState",
    "MeanState",
    "empty_mean",
    "running_mean",
    "steps_seen",
]

"""From raw columns to the input of a network, and from its output to a forecast: one step per file."""

from .anchored import Anchored
from .levels import BarShape, LevelFeatures, RunningScale
from .outputs import Output, Point, Quantiles, StudentT
from .raw import Calendar, Columns, ToNetwork
from .regression import Regression
from .scaling import StandardScaler
from .trades import TradeFeatures

__all__ = [
    "Anchored",
    "BarShape",
    "Calendar",
    "Columns",
    "LevelFeatures",
    "Output",
    "Point",
    "Quantiles",
    "Regression",
    "RunningScale",
    "StandardScaler",
    "StudentT",
    "ToNetwork",
    "TradeFeatures",
]

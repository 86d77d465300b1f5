"""From raw columns to what a network reads, and from what it says to a forecast: one step of it a file."""

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

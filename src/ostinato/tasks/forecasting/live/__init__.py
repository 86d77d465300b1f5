"""A run on live events: the rows that it reads, its steps, the losses of its predictions, and its retraining."""

from ....live.engine import Engine, Settings
from .assembling import engine_of, feed_of, forecaster_of, live
from .retraining import Retraining, schedule
from .stepping import RunForecaster

__all__ = [
    "Engine",
    "Retraining",
    "RunForecaster",
    "Settings",
    "engine_of",
    "feed_of",
    "forecaster_of",
    "live",
    "schedule",
]

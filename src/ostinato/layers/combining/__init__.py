"""Layers made of layers: chained, parallel, residual, repeated, reversed, or applied to windows."""

from .chain import Chain
from .dense_connections import DenseConnections
from .identity import Identity
from .parallel import Parallel
from .repeat import Repeat
from .residual import Residual
from .reversed import Reversed
from .windowed import Windowed

__all__ = ["Chain", "DenseConnections", "Identity", "Parallel", "Repeat", "Residual", "Reversed", "Windowed"]

"""Layers made of layers: one after the other, beside one another, again and again, from the end, on windows."""

from .combinators import Chain, Identity, Residual
from .dense_connections import DenseConnections
from .parallel import Parallel
from .repeat import Repeat
from .reversed import Reversed
from .windowed import Windowed

__all__ = ["Chain", "DenseConnections", "Identity", "Parallel", "Repeat", "Residual", "Reversed", "Windowed"]

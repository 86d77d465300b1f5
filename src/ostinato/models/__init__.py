"""Whole networks assembled from layers, each beside its config. A model is a layer and keeps every promise.

``MODELS`` names them; ``build(name, options, input_size, output_size)`` makes one.
"""

from .config import NetworkConfig
from .registry import MODELS, build, config_for

__all__ = ["MODELS", "NetworkConfig", "build", "config_for"]

"""Networks assembled from layers, each with its config. A model is a layer and keeps the same contract.

    front   from what data are to features (``fronts.py``)
    body    one of ``MODELS``, the same for every task
    head    what the task asks (``heads.py``)

``build(name, options, input_size, head)`` makes body and head, ``assemble`` all three.
"""

from .config import NetworkConfig
from .heads import OutputHead
from .registry import MODELS, assemble, build, config_for

__all__ = ["MODELS", "NetworkConfig", "OutputHead", "assemble", "build", "config_for"]

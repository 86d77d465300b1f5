"""Steppers: layers run one step at a time in NumPy, for each kind of layer whose live step is expensive.

Importing them registers them (``core/stepper_registry.py``).
"""

from . import anchored as anchored
from . import combined as combined
from . import features as features
from . import recurrent as recurrent
from . import sliding as sliding
from . import stateless as stateless

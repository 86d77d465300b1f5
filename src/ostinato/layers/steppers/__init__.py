"""One step at a time, as fast as NumPy goes: a stepper for each kind of layer whose live step costs.

Importing them registers them (``core/stepper_registry.py``).
"""

from . import anchored as anchored
from . import combined as combined
from . import features as features
from . import plain as plain
from . import recurrent as recurrent
from . import sliding as sliding

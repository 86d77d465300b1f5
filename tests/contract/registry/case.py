"""How a layer is made for the checks."""

from collections.abc import Callable
from dataclasses import dataclass

from ostinato.checks import Draw
from ostinato.core import SequenceLayer


@dataclass(frozen=True)
class Case:
    """How to make a layer, and inputs for it where normal numbers will not do."""

    make: Callable[[], SequenceLayer]
    inputs: Draw | None = None

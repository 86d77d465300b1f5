"""How a layer is made for the checks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ostinato.checks import Draw
from ostinato.core import SequenceLayer


@dataclass(frozen=True)
class Case:
    """How to make a layer, and inputs for it where normal numbers will not do."""

    make: Callable[[], SequenceLayer]
    inputs: Draw | None = None

    @cached_property
    def layer(self) -> SequenceLayer:
        """A shared one to read declarations from. Tests that run a layer ``make`` their own."""
        return self.make()

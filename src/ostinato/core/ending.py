"""Check that a chain returns all its outputs at the end of a stream.

At the end, each layer flushes its pending outputs through the layers after it. If the rate goes down and up again, a
layer holds steps back until its block is full, and the end of the stream does not fill it. A later layer that looks
ahead would see zeros instead of these steps. Such a chain is refused, however it is nested.
"""

import math
from fractions import Fraction
from typing import NamedTuple


class Ending(NamedTuple):
    """The number of steps at one point of a chain after a stream of complete blocks has ended."""

    block: int  # steps of the stream
    given: int  # steps that arrived at this point, flushed ones included
    due: (
        Fraction  # steps that would have arrived if no block held any back; a step in progress counts in part
    )
    stride: Fraction = Fraction(1)  # steps of the stream per step at this point

    @property
    def loses(self) -> bool:
        """Whether some steps are never returned."""
        return self.given < math.floor(self.due)

    @property
    def latency(self) -> Fraction:
        """Steps of the stream by which the layers up to this point look ahead."""
        return self.due * self.stride - self.block

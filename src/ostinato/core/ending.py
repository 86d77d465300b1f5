"""Check that all steps come out at the end of a stream.

The outputs that a layer still owes pass through the layers after it, which then give what they owe. But where the rate
has gone down and up again, a layer holds steps back until its block is full, and the end of the stream does not fill
it. A later layer that looks ahead would meet zeros in place of these steps, so such a chain is refused, however it is
nested.
"""

import math
from fractions import Fraction
from typing import NamedTuple


class Ending(NamedTuple):
    """How many steps have come to a place in a chain when a stream of whole blocks has ended."""

    block: int  # steps of the whole stream
    given: int  # that have come to this place, with what was owed before
    due: Fraction  # that would have come if no block held any back, a step that is begun counted as a part
    stride: Fraction = Fraction(1)  # steps of the stream for each of them

    @property
    def loses(self) -> bool:
        """Whether steps are held back that the end of the stream does not bring."""
        return self.given < math.floor(self.due)

    @property
    def latency(self) -> Fraction:
        """Steps of the stream by which the layers before look ahead."""
        return self.due * self.stride - self.block

"""What a node declares once it is built: enough to fit others to it. The oracle does not read this."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from contract.architectures.tree import Node
from ostinato.core import SequenceLayer, Size
from ostinato.errors import OstinatoError


@dataclass(frozen=True)
class Figures:
    """Sizes and rates."""

    input_size: Size | None
    output_size: Size | None
    stride: Fraction
    latency: int
    block: int
    steps_out: int | None
    streams: bool


class RefusedError(Exception):
    """A constructor refused a node in a sentence, or failed (``crashed``)."""

    def __init__(self, node: Node, crashed: bool) -> None:
        super().__init__(str(node))
        self.node, self.crashed = node, crashed


seen: Counter[str] = Counter()  # kinds of what was built


@lru_cache(maxsize=512)
def _measured(node: Node) -> Figures | bool:
    try:
        layer = node.build()
    except OstinatoError:
        return False
    except Exception:
        return True
    if not isinstance(layer, SequenceLayer):
        return False  # a module, or what numbers mean
    names = ("input_size", "output_size", "stride", "latency", "block", "steps_out", "streams")
    return Figures(*(getattr(layer, name) for name in names))


def figures(node: Node) -> Figures:
    """Of a node.

    Raises:
        RefusedError: it cannot be built.
    """
    found = _measured(node)
    if isinstance(found, bool):
        raise RefusedError(node, crashed=found)
    return found

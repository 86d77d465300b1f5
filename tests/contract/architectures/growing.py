"""From a seed to an architecture."""

from collections.abc import Sequence
from random import Random
from typing import Any

from contract.architectures.figures import RefusedError, figures
from contract.architectures.fitting import chained, resized
from contract.architectures.frequencies import LEAVES_2D
from contract.architectures.mutating import mutated
from contract.architectures.nesting import NESTS
from contract.architectures.paper_blocks import BLOCKS
from contract.architectures.recurrences import RECURRENT
from contract.architectures.simple import LEAVES
from contract.architectures.tree import Architecture, Node, node
from ostinato.core import Size

TRIES = 4
WIDEST = 128  # steps of a block: all numbers of steps up to a few blocks are tried
ODD = 0.12  # how often a number is changed at the end
LETS_GO = 0.4  # how often what is refused is kept: what is refused, and how, is looked at too
LEAVES_1D = [*LEAVES, *RECURRENT, *BLOCKS]


def pick(rng: Random, weighted: Sequence[tuple[float, Any]]) -> Any:
    """One of several, by weight."""
    return rng.choices([one for _, one in weighted], [weight for weight, _ in weighted])[0]


class Grower:
    """Draws trees of layers that mostly fit."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def one(self, size: Size, depth: int) -> Node:
        """A layer that takes ``size``, at most ``depth`` levels deep."""
        if depth <= 0 or self.rng.random() < 0.2:
            return self._tried(lambda: self._leaf(size))
        return self._tried(lambda: pick(self.rng, NESTS)(self, size, depth - 1))

    def same(self, size: Size, depth: int) -> Node:
        """A layer that gives the size that it takes."""
        inside = self.one(size, depth)
        return chained(inside, *resized(self.rng, self.size_after(inside, size), size))

    def steady(self, size: Size, depth: int) -> Node:
        """A step for each step, of one axis, where a few tries find it."""
        made = self.one(size, depth)
        for _ in range(TRIES):
            found = figures(made)
            if found.stride == 1 and found.block == 1 and found.steps_out is None:
                break
            made = self.one(size, 0)
        after = self.size_after(made, size)
        return chained(made, node("Flatten", after)) if isinstance(after, tuple) else made

    def size_after(self, made: Node, size: Size) -> Size:
        """What comes out of a layer for ``size``."""
        after = figures(made).output_size
        return size if after is None else after

    def _leaf(self, size: Size) -> Node:
        made: Node = pick(self.rng, LEAVES_1D if isinstance(size, int) else LEAVES_2D)(self.rng, size)
        return made

    def _tried(self, draw: Any) -> Node:
        for _ in range(TRIES):
            try:
                made: Node = draw()
                wide = figures(made).block > WIDEST
            except RefusedError as refused:
                if refused.crashed or self.rng.random() < LETS_GO:
                    raise
            else:
                if not wide:
                    return made
        return node("Identity")


def generate(seed: int) -> Architecture:
    """The architecture of a seed; it may be one that its constructor refuses."""
    from contract.architectures import raw  # it takes the grower of this file

    rng = Random(seed)
    grow = Grower(rng)
    depth, what = rng.choice([1, 2, 2, 3, 3, 4]), rng.random()
    inputs = "normal"
    try:
        if what < 0.05:
            inputs = "codes"
            return raw.of_codes(grow, depth - 1)
        if what < 0.1:
            inputs = "bars"
            return raw.of_trades(grow, depth - 1)
        if what < 0.12:
            inputs = "levels"
            return raw.of_levels(grow, depth - 1)
        if what < 0.16:
            inputs = "bars"
            return raw.anchored(grow, depth - 1)
        size: Size = rng.choice([1, 1, 2, 2, 3, 4]) if what < 0.88 else (rng.randint(2, 4), rng.randint(1, 2))
        tree = grow.one(size, depth)
        return Architecture(mutated(rng, tree) if rng.random() < ODD else tree, size=size)
    except RefusedError as refused:
        return Architecture(refused.node, inputs)

"""Random layers that hold others: a function for each, of a grower, the features of a step, and how deep to go on."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from contract.architectures.figures import figures
from contract.architectures.fitting import at_rate, beside, chained, faster, resized, slower
from contract.architectures.tree import Node, node
from ostinato.core import Size, numbers

if TYPE_CHECKING:
    from contract.architectures.growing import Grower

Nest = Callable[["Grower", Size, int], Node]


def chain(grow: "Grower", size: Size, depth: int) -> Node:
    """Two to four layers in order."""
    layers = []
    for _ in range(grow.rng.randint(1, 4)):
        layers.append(grow.one(size, depth - grow.rng.randint(0, 1)))
        size = grow.size_after(layers[-1], size)
    return node("Chain", *layers)


def there_and_back(grow: "Grower", size: Size, depth: int) -> Node:
    """To another rate, something there, and back, with something before and after at times."""
    rng, factor = grow.rng, grow.rng.choice([2, 2, 3])
    first, last = (slower, faster) if rng.random() < 0.75 else (faster, slower)
    inside = grow.one(size, depth)
    back = resized(rng, grow.size_after(inside, size), size)
    middle = [inside, *back] if rng.random() < 0.8 else []
    layers = [first(rng, size, factor), *middle, last(rng, size, factor)]
    if rng.random() < 0.3:
        layers.insert(0, grow.same(size, 0))
    if rng.random() < 0.4:
        layers.append(grow.same(size, 0))
    cut = rng.randint(1, len(layers) - 1)
    if rng.random() < 0.4:  # the same list, nested
        layers = (
            [*layers[:cut], node("Chain", *layers[cut:])]
            if rng.random() < 0.5
            else [
                node("Chain", *layers[:cut]),
                *layers[cut:],
            ]
        )
    return node("Chain", *layers)


def residual(grow: "Grower", size: Size, depth: int) -> Node:
    """A body with x, or a path at its pace, beside it."""
    rng = grow.rng
    body = grow.one(size, depth)
    after = grow.size_after(body, size)
    found = figures(body)
    if found.steps_out is None and found.stride == 1 and rng.random() < 0.8:
        return node("Residual", chained(body, *resized(rng, after, size)))
    start = chained(*(resized(rng, size, after) or [node("Identity")]))
    if rng.random() < 0.2:
        return node("Residual", body, grow.one(size, max(depth - 1, 0)))
    return node("Residual", body, beside(rng, start, found, after))


def parallel(grow: "Grower", size: Size, depth: int) -> Node:
    """Two or three paths, mostly brought to the pace of the slowest to answer."""
    rng = grow.rng
    paths = [grow.one(size, depth - grow.rng.randint(0, 1)) for _ in range(rng.randint(2, 3))]
    if rng.random() < 0.1:
        return node("Parallel", *paths)
    paths = [chained(path, *_one_axis(rng, grow.size_after(path, size))) for path in paths]
    wanted = max((figures(path) for path in paths), key=lambda found: (found.steps_out or 0, found.latency))
    return node("Parallel", *(beside(rng, path, wanted, grow.size_after(path, size)) for path in paths))


def _one_axis(rng: object, size: Size) -> list[Node]:
    return [node("Flatten", size)] if isinstance(size, tuple) else []


def dense_connections(grow: "Grower", size: Size, depth: int) -> Node:
    """Each layer hears all before it."""
    if not isinstance(size, int):
        return chain(grow, size, depth)
    layers = []
    for _ in range(grow.rng.randint(1, 3)):
        layers.append(grow.steady(size, depth - 1))
        after = grow.size_after(layers[-1], size)
        size += numbers(after)
    return node("DenseConnections", *layers)


def repeat(grow: "Grower", size: Size, depth: int) -> Node:
    """One layer two or three times."""
    return node("Repeat", grow.same(size, depth), grow.rng.randint(1, 3))


def backwards(grow: "Grower", size: Size, depth: int) -> Node:
    """From the end, mostly of a layer that can be."""
    return node("Reversed", grow.steady(size, depth) if grow.rng.random() < 0.85 else grow.one(size, depth))


def skip(grow: "Grower", size: Size, depth: int) -> Node:
    """x beside a body."""
    body = there_and_back(grow, size, depth) if grow.rng.random() < 0.6 else grow.one(size, depth)
    after = grow.size_after(body, size)
    if isinstance(after, tuple) != isinstance(size, tuple):
        body = chained(body, *resized(grow.rng, after, size))
    found = figures(body)
    return node(
        "SkipConnection", chained(body, *at_rate(grow.rng, grow.size_after(body, size), 1 / found.stride))
    )


def mask(grow: "Grower", size: Size, depth: int) -> Node:
    """Frames times a mask, where there are frames."""
    if not isinstance(size, tuple) or size[1] % 2:
        return chain(grow, size, depth)
    body = grow.one(size, depth)
    after = grow.rng.choice([size, (size[0], size[1] // 2)])
    layers = [body, *resized(grow.rng, grow.size_after(body, size), after)]
    if grow.rng.random() < 0.5:
        layers.append(node("Pointwise", node("nn.Sigmoid")))
    return node("ApplyMask", chained(*layers))


def spectral(grow: "Grower", size: Size, depth: int) -> Node:
    """To frames, something there, and back."""
    if not isinstance(size, int):
        return chain(grow, size, depth)
    window, hop = grow.rng.choice([(4, 2), (6, 3), (3, 1)])
    frames = (window // 2 + 1, 2 * size)
    inside = mask(grow, frames, depth) if grow.rng.random() < 0.7 else grow.same(frames, depth)
    return node("Chain", node("STFT", size, window, hop), inside, node("ISTFT", size, window, hop, "hamming"))


NESTS: list[tuple[float, Nest]] = [
    (4, chain),
    (3, there_and_back),
    (2.5, residual),
    (2.5, parallel),
    (1, dense_connections),
    (1, repeat),
    (0.8, backwards),
    (1, skip),
    (1, mask),
    (0.4, spectral),
]

"""Random architectures that read raw columns, codes among them."""

from contract.architectures.figures import figures
from contract.architectures.fitting import beside, chained, resized
from contract.architectures.growing import Grower
from contract.architectures.tree import Architecture, Node, node


def of_codes(grow: Grower, depth: int) -> Architecture:
    """Codes, 0 to 4 in two columns."""
    rng = grow.rng
    first = rng.choice(
        [
            node("Embedding", 5, 2, columns=2),
            node("Embedding", 5, 1, columns=2, padding_idx=1),
            node("OneHot", 5, columns=2),
            node("MuLawDecode", 2, 5),
        ]
    )
    if rng.random() < 0.2:
        first = node("Parallel", first, node("OneHot", 5, columns=2))
    return _followed(grow, first, depth, "codes")


def of_trades(grow: Grower, depth: int) -> Architecture:
    """Trades, or bars, through features of theirs."""
    rng = grow.rng
    if rng.random() < 0.4:
        return _followed(grow, node("TradeFeatures", rng.choice([(3,), (), (2, 5)])), depth, "trades")
    close = node("Chain", node("Columns", 6, (4,), log=True), node("LevelFeatures", 1, (1,), (4.0,), ()))
    first = rng.choice(
        [
            node("Parallel", close, node("BarShape", 6), node("Calendar", 6, ("hour", "weekday"))),
            node("Columns", 6, (1, 4)),
            node("Calendar", 6, ("minute",)),
            node("BarShape", 6, halflife=5.0),
        ]
    )
    return _followed(grow, first, depth, "bars")


def of_levels(grow: Grower, depth: int) -> Architecture:
    """Two columns that wander."""
    made = [
        node("RunningScale", 2, grow.rng.choice([3.0, 8.0])),
        node("LevelFeatures", 2, (1, 2), grow.rng.choice([(4.0,), ()]), grow.rng.choice([(3.0,), ()])),
    ]
    return _followed(grow, grow.rng.choice(made), depth, "levels")


def anchored(grow: Grower, depth: int) -> Architecture:
    """Distributions in the unit of bars."""
    rng = grow.rng
    output = rng.choice(
        [
            node("Point", 2),
            node("Quantiles", 1, (0.1, 0.5, 0.9)),
            node("Quantiles", 2, (0.2, 0.8), free=True),
            node("StudentT", 1),
        ]
    )
    wanted = output.build().input_size
    body = grow.one(3, depth)
    back = resized(rng, grow.size_after(body, 3), wanted)
    body = node(
        "Chain", node("Columns", 6, (1, 4, 5)), node("ToNetwork", 3), node("StandardScaler", 3), body, *back
    )
    found = figures(body)
    returns = rng.random() < 0.3
    scale = node("Chain", node("Columns", 6, (4,), log=returns), node("RunningScale", 1, 4.0))
    paths = [scale] if returns else [scale, node("Columns", 6, (4,))]
    paths = [beside(rng, path, found, 1, raw=True) for path in paths]
    return Architecture(node("Anchored", body, output, *paths), "bars")


def _followed(grow: Grower, first: Node, depth: int, inputs: str) -> Architecture:
    size = grow.size_after(first, 2)
    raw = inputs in ("bars", "levels")  # float64 always, which a network in float32 does not take
    between = [node("ToNetwork", size)] if raw else []
    after = [*between, grow.one(size, depth)] if grow.rng.random() < 0.8 else []
    return Architecture(chained(first, *after), inputs)

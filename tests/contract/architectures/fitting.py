"""Bringing one path to the features, the rate and the latency of another."""

from fractions import Fraction
from random import Random

from contract.architectures.figures import Figures, figures
from contract.architectures.tree import Node, node
from ostinato.core import Size, numbers


def chained(*nodes: Node) -> Node:
    """A chain, or the only one."""
    return nodes[0] if len(nodes) == 1 else node("Chain", *nodes)


def resized(rng: Random, before: Size, after: Size) -> list[Node]:
    """Layers from a size to another."""
    if before == after:
        return []
    if isinstance(before, int) and isinstance(after, int):
        return [node(rng.choice(["Dense", "PointwiseConv1d"]), before, after)]
    if isinstance(before, tuple) and isinstance(after, tuple) and before[0] == after[0]:
        return [node("Dense", before, after[1])]
    flat = [node("Flatten", before)] if isinstance(before, tuple) else []
    again = [node("Unflatten", after)] if isinstance(after, tuple) else []
    return [*flat, node("Dense", numbers(before), numbers(after)), *again]


def slower(rng: Random, size: Size, factor: int, raw: bool = False) -> Node:
    """One step for each ``factor``; of raw columns, which are float64, by no weights."""
    made = [node("Downsample", size, factor)]
    if raw:
        made += [node("AvgPool1d", size, factor), node("MaxPool1d", size, factor + 1, stride=factor)]
    elif isinstance(size, int):
        made += [
            node("Conv1d", size, size, rng.randint(1, factor + 2), stride=factor),
            node("Conv1d", size, size, factor + 2, stride=factor, latency=rng.choice([1, factor])),
            node("AvgPool1d", size, factor),
            node("MaxPool1d", size, factor + 1, stride=factor),
            node("CentredConv1d", size, size, 3, stride=factor),
            node("Decimate", size, factor, half_width=1),
        ]
    else:
        made += [node("MaxPool2d", size, (factor, 1), (factor, 1))]
    return rng.choice(made)


def faster(rng: Random, size: Size, factor: int, raw: bool = False) -> Node:
    """``factor`` steps for each one."""
    made = [node("Upsample", size, factor), node("Upsample", size, factor, "linear")]
    if raw:
        made += [node("Interpolate", size, factor, half_width=1)]
    elif isinstance(size, int):
        made += [
            node("ConvTranspose1d", size, size, factor, stride=factor),
            node("ConvTranspose1d", size, size, factor + 2, stride=factor),
            node("ConvTranspose1d", size, size, 2, stride=factor, dilation=3),
            node("ConvTranspose1d", size, size, 2 * factor, stride=factor, latency=1),
            node("Interpolate", size, factor, half_width=1),
        ]
    else:
        made += [node("ConvTranspose2d", size, size[1], (factor, 1), stride=(factor, 1))]
    return rng.choice(made)


def at_rate(rng: Random, size: Size, ratio: Fraction, raw: bool = False) -> list[Node]:
    """Layers that take ``ratio`` steps for each one they give."""
    layers = []
    if ratio.denominator > 1:
        layers.append(faster(rng, size, ratio.denominator, raw))
    if ratio.numerator > 1:
        layers.append(slower(rng, size, ratio.numerator, raw))
    rng.shuffle(layers)
    return layers


def waiting(own: Figures, wanted: Figures, size: Size) -> list[Node]:
    """Delays and blocks from one path's pace to another's, where that can be."""
    layers = []
    if own.block < wanted.block and own.stride == 1:
        layers.append(node("InBlocks", size, wanted.block))
    late = (wanted.latency - own.latency) / own.stride
    if late > 0 and late.denominator == 1:
        layers.append(node("Delay", size, int(late)))
    return layers


def beside(rng: Random, path: Node, wanted: Figures, size: Size, raw: bool = False) -> Node:
    """``path`` of ``size`` features out, brought to the pace of another."""
    layers = [path]
    own = figures(path)
    if wanted.steps_out is not None:
        if own.steps_out != wanted.steps_out:
            layers.append(node("AdaptiveAvgPool1d", size, wanted.steps_out))
        return chained(*layers)
    layers += at_rate(rng, size, wanted.stride / own.stride, raw)
    layers += waiting(figures(chained(*layers)), wanted, size)
    return chained(*layers)

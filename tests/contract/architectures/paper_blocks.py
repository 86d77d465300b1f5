"""Random blocks of papers."""

from random import Random
from typing import Any

from contract.architectures.simple import Leaf, ahead, kernel, out
from contract.architectures.tree import Node, node


def style(rng: Random, *, dropout: bool = True) -> dict[str, Any]:
    """Norm, activation and dropout."""
    options: dict[str, Any] = {}
    if rng.random() < 0.5:
        options["norm"] = rng.choice(["layer", None, None])
    if rng.random() < 0.5:
        options["activation"] = rng.choice(["elu", "gelu", None])
    if dropout and rng.random() < 0.1:
        options["dropout"] = 0.3
    return options


def conv_block(rng: Random, size: int) -> Node:
    pooling = {"pooling": rng.choice(["max", "average"])} if rng.random() < 0.3 else {}
    width = rng.randint(1, 3)
    return node(
        "ConvBlock", size, out(rng), width, **kernel(rng), **ahead(rng, width), **style(rng), **pooling
    )


def residual_block(rng: Random, size: int) -> Node:
    options = kernel(rng) | style(rng) | ({"pre_activation": True} if rng.random() < 0.3 else {})
    if rng.random() < 0.4:
        return node("BottleneckBlock", size, rng.randint(1, 2), 2, expansion=2, **options)
    return node("ResidualBlock", size, *rng.choice([(), (out(rng), 2)]), **options)


def dense_block(rng: Random, size: int) -> Node:
    made = [
        node("DenseBlock", size, 2, rng.randint(1, 2), 2, bottleneck=rng.choice([None, 1]), **style(rng)),
        node("CondenseBlock", size, 2, 1, 2, bottleneck=1, groups=2, condense_factor=1, **style(rng)),
        node("CondenseStages", size, 2, (1, 1), 2, bottleneck=1, groups=2, condense_factor=1, **style(rng)),
        node(
            "TransitionLayer", size, rng.choice([0.5, 1.0]), rng.choice([2, 3]), **style(rng, dropout=False)
        ),
        node("ChannelShuffle", size, rng.choice([1, 2])),
    ]
    return rng.choice(made)


def unet(rng: Random, size: int) -> Node:
    channels = rng.choice([(2,), (2, 2), (1, 1), (2, 2, 2)])
    return node(
        "UNet", size, channels, rng.randint(1, 3), factor=rng.choice([2, 2, 3]), convolutions=1, **style(rng)
    )


def wavenet(rng: Random, size: int) -> Node:
    condition = {"condition_size": 1} if size > 1 and rng.random() < 0.3 else {}
    channels = size - 1 if condition else size
    skip = rng.choice([None, 2])
    if rng.random() < 0.5:
        last = {"residual": False} if skip and rng.random() < 0.2 else {}
        return node(
            "WaveNetBlock", channels, 2, dilation=rng.randint(1, 3), skip_size=skip, **condition, **last
        )
    return node("WaveNetStack", channels, skip, rng.choice([(1, 2), (1,), (2, 1, 3)]), **condition)


def tcn(rng: Random, size: int) -> Node:
    return node(
        "TCNBlock", size, out(rng), 2, dilation=rng.randint(1, 2), **rng.choice([{}, {"weight_norm": False}])
    )


def wide(rng: Random, size: int) -> Node:
    centred = {"centred": True} if rng.random() < 0.3 else {}
    plain = style(rng, dropout=False)
    made = [
        node("WideBlock", size, 1, (1, 3), **kernel(rng), **centred, **plain),
        node("InceptionBlock", size, 1, ((2, 2),), 1, kernel_sizes=(3,), **centred, **plain),
        node("InceptionTimeBlock", size, 2, (1, 3), bottleneck=rng.choice([1, None]), **centred, **plain),
    ]
    return rng.choice(made)


BLOCKS: list[tuple[float, Leaf]] = [
    (1, conv_block),
    (1, residual_block),
    (1, dense_block),
    (1.2, unet),
    (0.8, wavenet),
    (0.4, tcn),
    (0.8, wide),
]

"""Random layers over frequencies: a step is (F, C), F frequencies by C channels."""

from collections.abc import Callable
from random import Random

from contract.architectures.simple import flags, out
from contract.architectures.tree import Node, node

Leaf2d = Callable[[Random, tuple[int, int]], Node]


def _pair(rng: Random, low: int, high: int, frequencies: int) -> tuple[int, int]:
    return rng.randint(low, high), rng.randint(1, min(frequencies, 3))


def _stride(rng: Random) -> dict[str, tuple[int, int]]:
    return {"stride": rng.choice([(2, 1), (1, 2), (2, 2), (3, 1)])} if rng.random() < 0.35 else {}


def _padding(rng: Random) -> dict[str, object]:
    return {"padding": rng.choice([1, "same"])} if rng.random() < 0.35 else {}


def conv(rng: Random, size: tuple[int, int]) -> Node:
    kernel = _pair(rng, 1, 4, size[0])
    options = _stride(rng) | _padding(rng) | flags(rng, bias=0.15, weight_norm=0.1)
    if rng.random() < 0.3:
        options["latency"] = rng.randint(0, max(kernel[0] - 1, 1))
    if rng.random() < 0.2:
        options["dilation"] = (rng.randint(1, 3), 1)
    return node("Conv2d", size, out(rng), kernel, **options)


def centred(rng: Random, size: tuple[int, int]) -> Node:
    kernel = rng.choice([1, 3]), rng.randint(1, min(size[0], 3))
    return node("CentredConv2d", size, out(rng), kernel, **_stride(rng), **_padding(rng))


def transposed(rng: Random, size: tuple[int, int]) -> Node:
    stride = rng.choice([(1, 1), (2, 1), (2, 2), (3, 1)])
    kernel = stride[0] + rng.randint(0, 3), stride[1] + rng.randint(0, 1)
    options: dict[str, object] = {"stride": stride}
    if rng.random() < 0.3:
        options["dilation"] = (rng.choice([2, 3]), 1)
    if rng.random() < 0.3:
        options["latency"] = rng.randint(0, 1)
    return node("ConvTranspose2d", size, out(rng), kernel, **options)


def separable(rng: Random, size: tuple[int, int]) -> Node:
    options = _stride(rng) | _padding(rng) | ({"latency": 1} if rng.random() < 0.3 else {})
    return node("SeparableConv2d", size, out(rng), _pair(rng, 1, 3, size[0]), **options)


def pool(rng: Random, size: tuple[int, int]) -> Node:
    kernel = _pair(rng, 1, 3, size[0])
    return node(rng.choice(["MaxPool2d", "AvgPool2d"]), size, kernel, **_stride(rng), **_padding(rng))


def flatten(rng: Random, size: tuple[int, int]) -> Node:
    return node("Flatten", size)


def norm(rng: Random, size: tuple[int, int]) -> Node:
    made = [
        node("BatchNorm", size),
        node("LayerNorm", size, **rng.choice([{}, {"over": "channels"}])),
        node("RMSNorm", size, **rng.choice([{}, {"over": "channels"}])),
        node("GroupNorm", size, 1, **rng.choice([{}, {"over": "sequence"}])),
        node("InstanceNorm", size),
        node("CumulativeLayerNorm", size, **rng.choice([{}, {"per": "channel"}])),
        node("SqueezeExcitation", size, 1, **rng.choice([{}, {"over": "sequence"}])),
    ]
    return rng.choice(made)


def rate(rng: Random, size: tuple[int, int]) -> Node:
    made = [
        node("Downsample", size, 2),
        node("Upsample", size, 2, *rng.choice([(), ("linear",)])),
        node("LowPass", size, 0.25, 3),
        node("Decimate", size, 2, half_width=1),
        node("Interpolate", size, 2, half_width=1),
        node("Delay", size, rng.randint(0, 2)),
        node("InBlocks", size, 2),
    ]
    return rng.choice(made)


def over_time(rng: Random, size: tuple[int, int]) -> Node:
    kind = rng.choice(["GlobalAvgPool1d", "GlobalMaxPool1d", "AdaptiveAvgPool1d", "AdaptiveMaxPool1d"])
    return node(kind, size, *([2] if kind.startswith("Adaptive") else []))


def step(rng: Random, size: tuple[int, int]) -> Node:
    made = [
        node("Dense", size, out(rng)),
        node("Pointwise", node(rng.choice(["nn.ReLU", "nn.Tanh"])), size, size),
        node("Select", size, tuple(rng.randrange(size[0]) for _ in range(rng.randint(1, 2)))),
        node("Dropout1d", size, 0.3),
        node("Identity"),
    ]
    return rng.choice(made)


def sound(rng: Random, size: tuple[int, int]) -> Node:
    frequencies, channels = size
    if channels % 2:
        return node("MelFilter", size, rng.randint(1, 2), 8000)
    windows = [2 * (frequencies - 1), 2 * frequencies - 1]
    window = rng.choice([window for window in windows if window >= 1])
    made = [
        node("Magnitude", size, *rng.choice([(), (2,), (1, True)])),
        node("ISTFT", channels // 2, window, rng.choice([max(window // 2, 1), 1, window]), "hamming"),
    ]
    return rng.choice(made)


LEAVES_2D: list[tuple[float, Leaf2d]] = [
    (3, conv),
    (1, centred),
    (1.5, transposed),
    (1, separable),
    (1, pool),
    (2, flatten),
    (1, norm),
    (1.5, rate),
    (0.7, over_time),
    (1.5, step),
    (1, sound),
]

"""Random layers that hold no other, along time: a function for each, of a generator and the features of a step.

Sizes are small, and now and then odd on purpose: strides beyond the kernel, one channel, latencies that fit nothing.
"""

from collections.abc import Callable
from random import Random

from contract.architectures.tree import Node, node

Leaf = Callable[[Random, int], Node]


def kernel(rng: Random) -> dict[str, int]:
    """Stride and dilation, mostly left out."""
    options = {}
    if rng.random() < 0.35:
        options["stride"] = rng.choice([2, 2, 3, 4])
    if rng.random() < 0.25:
        options["dilation"] = rng.choice([2, 3])
    return options


def ahead(rng: Random, span: int) -> dict[str, int]:
    """A latency at times."""
    return {"latency": rng.randint(0, max(span - 1, 1))} if rng.random() < 0.4 else {}


def groups(rng: Random, *sizes: int) -> dict[str, int]:
    """Groups that divide all sizes, at times."""
    fits = [number for number in (2, 3) if all(size % number == 0 for size in sizes)]
    return {"groups": rng.choice(fits)} if fits and rng.random() < 0.3 else {}


def flags(rng: Random, **chances: float) -> dict[str, bool]:
    """Each flag set away from its default at times: bias is on by default, all others are off."""
    return {name: name not in ("bias", "affine") for name, chance in chances.items() if rng.random() < chance}


def out(rng: Random) -> int:
    """Features out."""
    return rng.choice([1, 2, 2, 3, 4])


def conv(rng: Random, size: int) -> Node:
    made, after, width = kernel(rng), out(rng), rng.randint(1, 4)
    span = (width - 1) * made.get("dilation", 1) + 1
    options = made | groups(rng, size, after) | ahead(rng, span) | flags(rng, bias=0.15, weight_norm=0.1)
    return node("Conv1d", size, after, width, **options)


def centred(rng: Random, size: int) -> Node:
    after = out(rng)
    options = kernel(rng) | groups(rng, size, after) | flags(rng, bias=0.15, weight_norm=0.1)
    return node("CentredConv1d", size, after, rng.choice([1, 3, 3, 5, 2]), **options)


def transposed(rng: Random, size: int) -> Node:
    after, stride = out(rng), rng.choice([1, 2, 2, 3])
    dilation = rng.choice([1, 1, 1, 2, 3])
    width = rng.randint(stride if rng.random() < 0.9 else 1, stride + 3)
    latency = {"latency": rng.randint(0, 2)} if rng.random() < 0.35 else {}
    options = latency | groups(rng, size, after) | flags(rng, bias=0.15, weight_norm=0.1)
    options |= {"stride": stride} if stride > 1 else {}
    options |= {"dilation": dilation} if dilation > 1 else {}
    return node("ConvTranspose1d", size, after, width, **options)


def depthwise(rng: Random, size: int) -> Node:
    width = rng.randint(1, 4)
    options = kernel(rng) | ahead(rng, width) | flags(rng, bias=0.2, weight_norm=0.1)
    return node("DepthwiseConv1d", size, width, multiplier=rng.choice([1, 1, 2]), **options)


def pointwise_conv(rng: Random, size: int) -> Node:
    after = out(rng)
    stride = {"stride": rng.choice([2, 3])} if rng.random() < 0.3 else {}
    options = stride | groups(rng, size, after) | flags(rng, bias=0.2, weight_norm=0.2)
    return node("PointwiseConv1d", size, after, **options)


def separable(rng: Random, size: int) -> Node:
    width = rng.randint(1, 4)
    options = kernel(rng) | ahead(rng, width) | flags(rng, bias=0.2, weight_norm=0.1)
    if rng.random() < 0.3:
        options["between"] = node("Pointwise", node("nn.Tanh"), size, size)
    return node("SeparableConv1d", size, out(rng), width, **options)


def learned_groups(rng: Random, size: int) -> Node:
    kind = rng.choice(["LearnedGroupConv1d", "CondensedConv1d"])
    fits = [number for number in (1, 2, 3) if size % number == 0]
    factor = rng.choice(fits) if rng.random() < 0.9 else 2
    return node(
        kind,
        size,
        2 * factor,
        rng.randint(1, 3),
        groups=2,
        condense_factor=factor,
        **kernel(rng),
        **ahead(rng, 2),
    )


def down(rng: Random, size: int) -> Node:
    return node("Downsample", size, rng.choice([2, 2, 3]))


def up(rng: Random, size: int) -> Node:
    return node("Upsample", size, rng.choice([2, 2, 3]), *rng.choice([(), ("linear",)]))


def low_pass(rng: Random, size: int) -> Node:
    stride = {"stride": rng.choice([2, 3])} if rng.random() < 0.3 else {}
    return node("LowPass", size, rng.choice([0.1, 0.25, 0.5]), rng.choice([1, 3, 5]), **stride)


def decimate(rng: Random, size: int) -> Node:
    return node("Decimate", size, rng.choice([1, 2, 2, 3]), half_width=rng.randint(1, 2))


def interpolate(rng: Random, size: int) -> Node:
    return node("Interpolate", size, rng.choice([1, 2, 2, 3]), half_width=rng.randint(1, 2))


def delay(rng: Random, size: int) -> Node:
    return node("Delay", size, rng.randint(0, 3))


def in_blocks(rng: Random, size: int) -> Node:
    return node("InBlocks", size, rng.randint(1, 3))


def select(rng: Random, size: int) -> Node:
    return node("Select", size, tuple(rng.randrange(size) for _ in range(rng.randint(1, 3))))


def windowed(rng: Random, size: int) -> Node:
    length, after = rng.randint(1, 4), out(rng)
    linear = node("nn.Linear", length * size, after)
    module = node("nn.Sequential", node("nn.Flatten"), linear, node("nn.Tanh"))
    return node("Windowed", module, length, size, after)


def pool(rng: Random, size: int) -> Node:
    stride = {"stride": rng.randint(1, 3)} if rng.random() < 0.6 else {}
    return node(rng.choice(["MaxPool1d", "AvgPool1d"]), size, rng.randint(1, 4), **stride)


def global_pool(rng: Random, size: int) -> Node:
    return node(rng.choice(["GlobalAvgPool1d", "GlobalMaxPool1d"]), size)


def adaptive(rng: Random, size: int) -> Node:
    return node(rng.choice(["AdaptiveAvgPool1d", "AdaptiveMaxPool1d"]), size, rng.randint(1, 4))


def attention(rng: Random, size: int) -> Node:
    scorer = {"scorer": "tanh", "hidden_size": 2} if rng.random() < 0.4 else {}
    return node("AttentionPool", size, rng.randint(1, 2), **scorer)


def step_norm(rng: Random, size: int) -> Node:
    return node(rng.choice(["BatchNorm", "LayerNorm", "RMSNorm"]), size)


def group_norm(rng: Random, size: int) -> Node:
    over = {"over": "sequence"} if rng.random() < 0.4 else {}
    return node("GroupNorm", size, rng.choice([1, 2]), **over, **flags(rng, affine=0.2))


def other_norm(rng: Random, size: int) -> Node:
    if rng.random() < 0.3:
        return node("InstanceNorm", size)
    return node("CumulativeLayerNorm", size, **rng.choice([{}, {"per": "channel"}]))


def squeeze(rng: Random, size: int) -> Node:
    return node("SqueezeExcitation", size, rng.choice([1, 2]), **rng.choice([{}, {}, {"over": "sequence"}]))


def scaler(rng: Random, size: int) -> Node:
    return node("StandardScaler", size)


def regression(rng: Random, size: int) -> Node:
    return node("Regression", size, out(rng))


def dropout(rng: Random, size: int) -> Node:
    return node("Dropout1d", size, 0.4)


def dense(rng: Random, size: int) -> Node:
    return node("Dense", size, out(rng), **flags(rng, bias=0.2))


def pointwise(rng: Random, size: int) -> Node:
    module = node(rng.choice(["nn.ReLU", "nn.Tanh", "nn.ELU", "nn.Sigmoid", "nn.LeakyReLU"]))
    if rng.random() < 0.3:
        after = out(rng)
        return node("Pointwise", node("nn.Sequential", node("nn.Linear", size, after), module), size, after)
    return node("Pointwise", module) if rng.random() < 0.3 else node("Pointwise", module, size, size)


def identity(rng: Random, size: int) -> Node:
    return node("Identity")


def positional(rng: Random, size: int) -> Node:
    return node("PositionalFeatures", size, *rng.choice([(), (3, "concat"), (2, "concat")]))


def coded(rng: Random, size: int) -> Node:
    """Numbers to codes, and what reads codes."""
    classes = rng.choice([4, 5])
    readers = [
        node("Embedding", classes, 2, columns=size),
        node("OneHot", classes, columns=size),
        node("MuLawDecode", size, classes),
    ]
    return node("Chain", node("MuLawEncode", size, classes), rng.choice(readers))


def unflatten(rng: Random, size: int) -> Node:
    if size % 2 or rng.random() < 0.3:
        return node("Unflatten", (size, 1))
    return node("Unflatten", rng.choice([(size // 2, 2), (2, size // 2), (1, size)]))


def spectrum(rng: Random, size: int) -> Node:
    window, hop = rng.choice([(4, 2), (6, 2), (4, 4), (5, 2), (3, 1)])
    return node("STFT", size, window, hop, **rng.choice([{}, {}, {"latency": 0}]))


LEAVES: list[tuple[float, Leaf]] = [
    (5, conv),
    (2, centred),
    (3, transposed),
    (1, depthwise),
    (1, pointwise_conv),
    (1.5, separable),
    (1, learned_groups),
    (2, down),
    (2, up),
    (1, low_pass),
    (1, decimate),
    (1.5, interpolate),
    (1.5, delay),
    (1, in_blocks),
    (0.7, select),
    (1, windowed),
    (2, pool),
    (1, global_pool),
    (0.8, adaptive),
    (0.7, attention),
    (1, step_norm),
    (0.7, group_norm),
    (0.7, other_norm),
    (0.7, squeeze),
    (0.5, scaler),
    (0.3, regression),
    (0.3, dropout),
    (1.5, dense),
    (1.5, pointwise),
    (0.6, identity),
    (0.5, positional),
    (0.6, coded),
    (0.8, unflatten),
    (0.6, spectrum),
]

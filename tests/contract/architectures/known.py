"""Architectures that were wrong once: each is asked all that random ones are."""

from typing import Any

from contract.architectures.tree import Architecture, Node, node


def _chain(*layers: Node) -> Node:
    return node("Chain", *layers)


def _conv(*sizes: int, **options: Any) -> Node:
    return node("Conv1d", *sizes, **options)


def _window(length: int) -> Node:
    linear = node("nn.Linear", length, 1)
    return node("Windowed", node("nn.Sequential", node("nn.Flatten"), linear, node("nn.Tanh")), length, 1, 1)


_OVERLAP = node("ConvTranspose1d", 1, 1, 3, stride=2, dilation=3)
_AHEAD = _conv(1, 1, 3, latency=1)
_POOLED = _chain(node("Downsample", 1, 2), node("AdaptiveAvgPool1d", 1, 2))

KNOWN: dict[str, Architecture] = {
    name: Architecture(tree)
    for name, tree in {
        "dilated overlap": _chain(_conv(1, 1, 2), _chain(_OVERLAP, _conv(1, 1, 3, stride=2))),
        "interpolated": _chain(node("Interpolate", 1, 2), _conv(1, 1, 3, stride=2)),
        "dilated overlap of frequencies": _chain(
            node("ConvTranspose2d", (2, 1), 1, (3, 1), stride=(2, 1), dilation=(3, 1)),
            node("Conv2d", (2, 1), 1, (3, 1), stride=(2, 1)),
        ),
        "ahead around a U-Net": _chain(_AHEAD, node("UNet", 1, (1, 1), norm=None), _AHEAD),
        "ahead around blocks": _chain(node("Delay", 1, 1), node("InBlocks", 1, 2), node("Delay", 1, 1)),
        "slower, then adaptive": _chain(_POOLED),
        "beside an adaptive pool": node("Parallel", _chain(_POOLED), _POOLED),
        "both ways and late": _chain(node("CentredConv1d", 1, 1, 3), node("Delay", 1, 3)),
        "sum over the wrong axis": node("Residual", node("Dense", 2, 3), node("Dense", 4, 3)),
        "a norm of one": node("LayerNorm", 1),
        "a block with a norm of one": node("ConvBlock", 1, 1, 2, norm="layer"),
        "padded away": node("Conv2d", (1, 2), 2, (1, 1), stride=(1, 2), padding=1),
        "a pool that is never full": _chain(node("AdaptiveAvgPool1d", 1, 1), node("Downsample", 1, 2)),
        "last of nothing": _chain(node("Downsample", 1, 3), _window(2)),
        "nothing owed": node("Dense", 3, 2),
        "ragged with a stride": _chain(_conv(1, 1, 3, stride=2, latency=2), node("Dense", 1, 2)),
        "weight norm of one": _conv(1, 1, 1, weight_norm=True),
        "stride before an adaptive pool": _chain(_conv(1, 1, 2, stride=3), node("AdaptiveAvgPool1d", 1, 2)),
        "a recurrence behind a delay": _chain(node("Delay", 1, 20), node("GRU", 1, 2)),
        "deep layer norms": _chain(*[node("Dense", 3, 3), node("LayerNorm", 3)] * 6),
    }.items()
}
_BARS_BODY = _chain(
    node("Columns", 6, (4,)), node("ToNetwork", 1), node("InBlocks", 1, 2), node("Dense", 1, 2)
)
_BARS_SCALE = _chain(node("Columns", 6, (4,)), node("RunningScale", 1, 4.0), node("InBlocks", 1, 2))
_ROUNDED = _chain(node("MuLawEncode", 1, 4), node("OneHot", 4), node("PointwiseConv1d", 4, 2))
KNOWN["statistics of one-hot codes"] = Architecture(
    _chain(node("OneHot", 5, columns=2), node("CumulativeLayerNorm", 10)), "codes"
)
KNOWN["rounded to four codes"] = Architecture(
    _chain(
        node("SqueezeExcitation", 2, 2),
        node("LayerNorm", 2),
        node("Dense", 2, 1),
        _ROUNDED,
        node("Conv1d", 2, 1, 3),
    )
)
KNOWN["a transform and its inverse by other windows"] = Architecture(
    _chain(node("STFT", 1, 4, 2, latency=0), node("ISTFT", 1, 4, 1, "hamming"))
)
KNOWN["a norm of a single step"] = Architecture(
    _chain(node("AdaptiveAvgPool1d", (1, 2), 2), node("InstanceNorm", (1, 2)))
)
KNOWN["a recurrence of signs"] = Architecture(
    _chain(node("ConvTranspose1d", 3, 3, 2), node("LayerNormRNN", 3, 2, nonlinearity="relu"))
)
KNOWN["a dead relu of one"] = Architecture(_chain(node("Dense", 1, 1), node("SqueezeExcitation", 1, 1)))
KNOWN["saturated by prices"] = Architecture(
    _chain(node("Columns", 6, (1, 4)), node("ToNetwork", 2), node("Pointwise", node("nn.Sigmoid"))), "bars"
)
KNOWN["late, from the end"] = Architecture(
    _chain(
        node("PointwiseConv1d", 6, 3, stride=6),
        node("Repeat", node("Reversed", node("Identity")), 1),
        _chain(node("Delay", 3, 3), node("Repeat", node("SqueezeExcitation", 3, 1), 3)),
    )
)
KNOWN["later than the steps of a pool"] = Architecture(
    _chain(node("AdaptiveAvgPool1d", 1, 1), node("Interpolate", 1, 1))
)
KNOWN["a recurrence of prices"] = Architecture(
    _chain(
        node("Columns", 6, (1, 4)),
        node("ToNetwork", 2),
        node("Reversed", node("LayerNormRNN", 2, 3, bidirectional=True)),
    ),
    "bars",
)
KNOWN["sinc at whole numbers"] = Architecture(
    _chain(node("Downsample", 3, 2), node("CentredConv1d", 3, 3, 1, stride=3), node("Interpolate", 3, 1))
)
KNOWN["from the end, behind a filter"] = Architecture(
    _chain(
        node("Decimate", 3, 2, half_width=1),
        node("Reversed", node("LayerNormRNN", 3, 3, nonlinearity="relu")),
    )
)
KNOWN["a window that begins with 0"] = Architecture(node("STFT", 1, 2, 1))
KNOWN["anchored in blocks"] = Architecture(
    node("Anchored", _BARS_BODY, node("Point", 1), _BARS_SCALE), "bars"
)
KNOWN["features of trades, of which the nearest is taken"] = Architecture(
    _chain(node("TradeFeatures", (3,)), node("Select", 7, (0,))), "trades"
)
KNOWN["a row of padding alone is taken"] = Architecture(
    _chain(
        node("CentredConv2d", (3, 1), 1, (1, 1), padding=1), node("Flatten", (5, 1)), node("Select", 5, (0,))
    )
)
KNOWN["a condition looks back further"] = Architecture(
    _chain(
        node(
            "SkipConnection",
            _chain(node("Conv1d", 1, 1, 2, stride=2), node("ConvTranspose1d", 1, 1, 2, stride=2)),
        ),
        node("WaveNetBlock", 1, 2, condition_size=1),
    )
)
KNOWN["a mean of what was centred"] = Architecture(
    _chain(node("Conv1d", 1, 4, 2), node("GroupNorm", 4, 1, affine=False), node("CumulativeLayerNorm", 4))
)
KNOWN["a mean behind a relu"] = Architecture(
    _chain(node("DenseConnections", node("SqueezeExcitation", 3, 2)), node("Dense", 6, 1))
)
KNOWN["later than the one step that a stride leaves"] = Architecture(
    node(
        "Repeat",
        _chain(
            node("PointwiseConv1d", 2, 2, stride=2),
            node("Interpolate", 2, 1, half_width=1),
            node("AdaptiveAvgPool1d", 2, 2),
        ),
        2,
    )
)
KNOWN["later than the step of a pool, behind a filter"] = Architecture(
    _chain(node("AdaptiveAvgPool1d", 3, 1), node("CentredConv1d", 3, 3, 3), node("Interpolate", 3, 2))
)
KNOWN["a running mean of an activation in float32"] = Architecture(
    node(
        "DenseConnections",
        node("Parallel", node("Pointwise", node("nn.Tanh"), 1, 1), node("Downsample", 1, 1)),
        node("Delay", 3, 0),
        node("GlobalAvgPool1d", 6),
    )
)
REFUSED = {  # they would lose steps, or could never run or hear anything: a sentence says so
    "ahead around a U-Net",
    "ahead around blocks",
    "sum over the wrong axis",
    "a norm of one",
    "a block with a norm of one",
    "padded away",
    "a pool that is never full",
    "later than the steps of a pool",
    "later than the one step that a stride leaves",
    "later than the step of a pool, behind a filter",
}

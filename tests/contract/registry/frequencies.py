"""Layers over time and frequency."""

from torch import nn

from contract.registry.case import Case
from ostinato.layers import (
    AvgPool2d,
    BatchNorm,
    CentredConv2d,
    Chain,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    MaxPool2d,
    Pointwise,
    SeparableConv2d,
    Unflatten,
)

CASES: dict[str, Case] = {
    "Conv2d": Case(lambda: Conv2d((6, 2), 3, 3)),
    "Conv2d-kernel1": Case(lambda: Conv2d((4, 2), 3, 1)),
    "Conv2d-same": Case(lambda: Conv2d((5, 2), 3, (2, 4), padding="same")),
    "Conv2d-padded": Case(lambda: Conv2d((5, 2), 3, (3, 2), padding=1, bias=False)),
    "Conv2d-dilated": Case(lambda: Conv2d((7, 4), 6, (3, 2), dilation=(4, 3), groups=2)),
    "Conv2d-depthwise": Case(lambda: Conv2d((4, 3), 6, (2, 3), groups=3)),
    "Conv2d-strided": Case(lambda: Conv2d((7, 2), 3, (5, 3), stride=2, padding="same")),
    "Conv2d-strided-frequency": Case(lambda: Conv2d((7, 2), 3, 3, stride=(1, 2))),
    "Conv2d-gaps": Case(lambda: Conv2d((4, 2), 3, 2, stride=(5, 3))),
    "Conv2d-weight-norm": Case(lambda: Conv2d((4, 2), 3, (3, 2), weight_norm=True)),
    "Conv2d-lookahead": Case(lambda: Conv2d((4, 2), 3, (5, 3), latency=2)),
    "Conv2d-strided-lookahead": Case(lambda: Conv2d((4, 2), 3, (5, 2), stride=2, latency=3)),
    "CentredConv2d": Case(lambda: CentredConv2d((5, 2), 3, 3)),
    "CentredConv2d-strided": Case(
        lambda: CentredConv2d((5, 2), 3, (5, 2), stride=3, padding=1, weight_norm=True)
    ),
    "CentredConv2d-dilated": Case(
        lambda: CentredConv2d((5, 4), 2, (3, 2), stride=(1, 2), dilation=(3, 1), groups=2, padding="same")
    ),
    "SeparableConv2d": Case(lambda: SeparableConv2d((5, 2), 3, 3, padding="same")),
    "SeparableConv2d-between": Case(
        lambda: SeparableConv2d(
            (5, 2),
            3,
            2,
            multiplier=2,
            between=Chain(BatchNorm((4, 4)), Pointwise(nn.ReLU())),
            weight_norm=True,
        )
    ),
    "SeparableConv2d-strided": Case(
        lambda: SeparableConv2d((5, 2), 3, (4, 3), stride=2, latency=2, bias=False)
    ),
    "ConvTranspose2d": Case(lambda: ConvTranspose2d((4, 2), 3, 4, stride=2, padding=1)),
    "ConvTranspose2d-stride1": Case(lambda: ConvTranspose2d((4, 2), 3, (3, 2))),
    "ConvTranspose2d-beside": Case(
        lambda: ConvTranspose2d((4, 4), 6, 3, stride=3, groups=2, output_padding=2)
    ),
    "ConvTranspose2d-same": Case(
        lambda: ConvTranspose2d((4, 2), 3, (5, 4), stride=(2, 3), padding="same", bias=False)
    ),
    "ConvTranspose2d-latency": Case(
        lambda: ConvTranspose2d((4, 2), 3, (5, 2), stride=2, latency=1, weight_norm=True)
    ),
    "ConvTranspose2d-dilated": Case(lambda: ConvTranspose2d((4, 2), 3, (3, 2), stride=(2, 1), dilation=3)),
    "MaxPool2d": Case(lambda: MaxPool2d((5, 2), 2)),
    "MaxPool2d-overlapping": Case(lambda: MaxPool2d((6, 2), (5, 3), (2, 1), padding=1)),
    "MaxPool2d-stride1": Case(lambda: MaxPool2d((5, 2), (4, 2), 1, padding="same")),
    "AvgPool2d": Case(lambda: AvgPool2d((7, 2), 3)),
    "AvgPool2d-overlapping": Case(lambda: AvgPool2d((6, 2), (5, 3), (2, 1), padding=1)),
    "AvgPool2d-stride1": Case(lambda: AvgPool2d((5, 2), (4, 2), 1, padding="same")),
    "Flatten": Case(lambda: Flatten((4, 3))),
    "Unflatten": Case(lambda: Unflatten((4, 3))),
}

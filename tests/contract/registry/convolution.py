"""Convolutions along time, and what changes the rate."""

from typing import Any

from torch import nn

from contract.registry.case import Case
from ostinato.layers import (
    CentredConv1d,
    CondensedConv1d,
    Conv1d,
    ConvTranspose1d,
    Decimate,
    Delay,
    DepthwiseConv1d,
    Downsample,
    InBlocks,
    Interpolate,
    LearnedGroupConv1d,
    LowPass,
    Pointwise,
    PointwiseConv1d,
    Select,
    SeparableConv1d,
    Upsample,
    Windowed,
)


def mlp(length: int, inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(length * inputs, outputs), nn.Tanh())


def learned_groups(**options: Any) -> LearnedGroupConv1d:
    """All its condensing stages done."""
    layer = LearnedGroupConv1d(6, 4, 3, groups=2, condense_factor=3, **options)
    layer.condense()
    layer.condense()
    return layer


CASES: dict[str, Case] = {
    "Conv1d": Case(lambda: Conv1d(3, 5, 3)),
    "Conv1d-kernel1": Case(lambda: Conv1d(3, 5, 1)),
    "Conv1d-dilated": Case(lambda: Conv1d(4, 6, 3, dilation=8, groups=2)),
    "Conv1d-strided": Case(lambda: Conv1d(3, 5, 5, stride=2)),
    "Conv1d-stride3": Case(lambda: Conv1d(3, 5, 3, stride=3)),
    "Conv1d-gaps": Case(lambda: Conv1d(3, 5, 2, stride=5)),
    "Conv1d-strided-dilated": Case(lambda: Conv1d(3, 5, 3, stride=2, dilation=3)),
    "Conv1d-lookahead": Case(lambda: Conv1d(3, 5, 5, latency=2)),
    "Conv1d-strided-lookahead": Case(lambda: Conv1d(3, 5, 5, stride=2, latency=3)),
    "CentredConv1d": Case(lambda: CentredConv1d(3, 5, 5)),
    "CentredConv1d-dilated": Case(lambda: CentredConv1d(3, 5, 3, dilation=3)),
    "CentredConv1d-strided": Case(lambda: CentredConv1d(3, 5, 5, stride=2)),
    "CentredConv1d-gaps": Case(lambda: CentredConv1d(3, 5, 3, stride=4, dilation=2, weight_norm=True)),
    "Conv1d-weight-norm": Case(lambda: Conv1d(4, 6, 3, stride=2, groups=2, weight_norm=True)),
    "ConvTranspose1d": Case(lambda: ConvTranspose1d(3, 5, 5, stride=2)),
    "ConvTranspose1d-whole": Case(lambda: ConvTranspose1d(3, 5, 6, stride=3, bias=False)),
    "ConvTranspose1d-apart": Case(lambda: ConvTranspose1d(3, 5, 2, stride=2)),
    "ConvTranspose1d-stride1": Case(lambda: ConvTranspose1d(3, 5, 3)),
    "ConvTranspose1d-dilated": Case(lambda: ConvTranspose1d(4, 6, 3, stride=2, dilation=3, groups=2)),
    "ConvTranspose1d-lookahead": Case(lambda: ConvTranspose1d(3, 5, 8, stride=2, latency=3)),
    "ConvTranspose1d-weight-norm": Case(lambda: ConvTranspose1d(3, 5, 4, stride=2, weight_norm=True)),
    "DepthwiseConv1d": Case(lambda: DepthwiseConv1d(3, 3, dilation=2)),
    "DepthwiseConv1d-multiplied": Case(
        lambda: DepthwiseConv1d(3, 5, multiplier=2, stride=2, latency=2, weight_norm=True)
    ),
    "PointwiseConv1d": Case(lambda: PointwiseConv1d(3, 5)),
    "PointwiseConv1d-grouped": Case(lambda: PointwiseConv1d(4, 6, groups=2, weight_norm=True)),
    "PointwiseConv1d-strided": Case(lambda: PointwiseConv1d(3, 5, stride=2, bias=False)),
    "SeparableConv1d": Case(lambda: SeparableConv1d(3, 5, 3, dilation=2, latency=1)),
    "SeparableConv1d-between": Case(
        lambda: SeparableConv1d(
            3, 5, 4, stride=2, multiplier=2, weight_norm=True, between=Pointwise(nn.Tanh(), 6, 6)
        )
    ),
    "LearnedGroupConv1d": Case(lambda: LearnedGroupConv1d(6, 4, groups=2, condense_factor=3)),
    "LearnedGroupConv1d-kernel": Case(lambda: learned_groups(stride=2, dilation=2)),
    "CondensedConv1d": Case(lambda: learned_groups(latency=1).condensed()),
    "CondensedConv1d-strided": Case(
        lambda: CondensedConv1d(6, 4, 3, groups=2, condense_factor=3, stride=2, bias=False)
    ),
    "Select": Case(lambda: Select(3, (2, 0, 2, 1))),
    "Select-channels": Case(lambda: Select((4, 3), (2, 0))),
    "Downsample": Case(lambda: Downsample(3, 2)),
    "Downsample-channels": Case(lambda: Downsample((4, 3), 3)),
    "Upsample": Case(lambda: Upsample(3, 3)),
    "Upsample-linear": Case(lambda: Upsample(3, 3, "linear")),
    "Upsample-channels": Case(lambda: Upsample((4, 3), 2, "linear")),
    "LowPass": Case(lambda: LowPass(3, 0.2, 7)),
    "LowPass-strided": Case(lambda: LowPass(3, 0.25, 5, stride=2, beta=8.0)),
    "LowPass-channels": Case(lambda: LowPass((4, 3), 0.1, 3)),
    "Decimate": Case(lambda: Decimate(3, 2, half_width=2)),
    "Interpolate": Case(lambda: Interpolate(3, 2, half_width=2)),
    "Interpolate-3": Case(lambda: Interpolate((2, 3), 3, half_width=1)),
    "InBlocks": Case(lambda: InBlocks(3, 4)),
    "Delay": Case(lambda: Delay(3, 4)),
    "Delay-0": Case(lambda: Delay(3, 0)),
    "Windowed": Case(lambda: Windowed(mlp(4, 3, 5), length=4, input_size=3, output_size=5)),
    "Windowed-long": Case(lambda: Windowed(mlp(29, 3, 2), length=29, input_size=3, output_size=2)),
    "Windowed-1": Case(lambda: Windowed(mlp(1, 3, 2), length=1, input_size=3, output_size=2)),
}

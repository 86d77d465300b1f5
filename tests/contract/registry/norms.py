"""Pooling, attention, norms, and what looks at one step."""

import torch
from torch import nn

from contract.inputs import trades
from contract.registry.case import Case
from ostinato.layers import (
    AdaptiveAvgPool1d,
    AdaptiveMaxPool1d,
    AttentionPool,
    AvgPool1d,
    BatchNorm,
    CumulativeLayerNorm,
    Dense,
    Dropout1d,
    GlobalAvgPool1d,
    GlobalMaxPool1d,
    GroupNorm,
    Identity,
    InstanceNorm,
    LayerNorm,
    MaxPool1d,
    Pointwise,
    RMSNorm,
    SqueezeExcitation,
)


def far(batch: int, steps: int, generator: torch.Generator) -> torch.Tensor:
    """Small changes of large numbers, as prices are."""
    return 300 + torch.randn(batch, steps, 3, generator=generator, dtype=torch.float64)


CASES: dict[str, Case] = {
    "MaxPool1d": Case(lambda: MaxPool1d(3, 2)),
    "MaxPool1d-overlapping": Case(lambda: MaxPool1d(3, 5, stride=2)),
    "MaxPool1d-stride1": Case(lambda: MaxPool1d(3, 4, stride=1)),
    "AvgPool1d": Case(lambda: AvgPool1d(3, 3)),
    "AvgPool1d-overlapping": Case(lambda: AvgPool1d(3, 5, stride=2)),
    "AvgPool1d-stride1": Case(lambda: AvgPool1d(3, 4, stride=1)),
    "GlobalAvgPool1d": Case(lambda: GlobalAvgPool1d(3)),
    "GlobalAvgPool1d-frequencies": Case(lambda: GlobalAvgPool1d((4, 3))),
    "GlobalMaxPool1d": Case(lambda: GlobalMaxPool1d(3)),
    "GlobalMaxPool1d-frequencies": Case(lambda: GlobalMaxPool1d((4, 3))),
    "AdaptiveAvgPool1d": Case(lambda: AdaptiveAvgPool1d(3, 4)),
    "AdaptiveAvgPool1d-1": Case(lambda: AdaptiveAvgPool1d(3, 1)),
    "AdaptiveAvgPool1d-frequencies": Case(lambda: AdaptiveAvgPool1d((4, 3), 2)),
    "AdaptiveMaxPool1d": Case(lambda: AdaptiveMaxPool1d(3, 4)),
    "AdaptiveMaxPool1d-frequencies": Case(lambda: AdaptiveMaxPool1d((4, 3), 2)),
    "AttentionPool": Case(lambda: AttentionPool(3)),
    "AttentionPool-tanh": Case(lambda: AttentionPool(3, heads=2, scorer="tanh", hidden_size=5)),
    "AttentionPool-without-bias": Case(lambda: AttentionPool(3, heads=2, scorer="tanh", bias=False)),
    "BatchNorm": Case(lambda: BatchNorm(3)),
    "LayerNorm": Case(lambda: LayerNorm(3)),
    "BatchNorm-frequencies": Case(lambda: BatchNorm((4, 3))),
    "LayerNorm-frequencies": Case(lambda: LayerNorm((4, 3))),
    "LayerNorm-channels": Case(lambda: LayerNorm((4, 3), over="channels")),
    "RMSNorm": Case(lambda: RMSNorm(3)),
    "RMSNorm-frequencies": Case(lambda: RMSNorm((4, 3))),
    "RMSNorm-channels": Case(lambda: RMSNorm((4, 3), over="channels")),
    "GroupNorm": Case(lambda: GroupNorm(6, 2)),
    "GroupNorm-frequencies": Case(lambda: GroupNorm((4, 6), 3, affine=False)),
    "GroupNorm-sequence": Case(lambda: GroupNorm(6, 2, over="sequence")),
    "GroupNorm-sequence-frequencies": Case(lambda: GroupNorm((4, 6), 3, over="sequence", affine=False)),
    "InstanceNorm": Case(lambda: InstanceNorm(3)),
    "InstanceNorm-affine": Case(lambda: InstanceNorm(3, affine=True)),
    "InstanceNorm-frequencies": Case(lambda: InstanceNorm((4, 3))),
    "CumulativeLayerNorm": Case(lambda: CumulativeLayerNorm(3)),
    "CumulativeLayerNorm-frequencies": Case(lambda: CumulativeLayerNorm((4, 3))),
    "CumulativeLayerNorm-channel": Case(lambda: CumulativeLayerNorm(3, per="channel")),
    "CumulativeLayerNorm-channel-frequencies": Case(lambda: CumulativeLayerNorm((4, 3), per="channel")),
    "CumulativeLayerNorm-far": Case(lambda: CumulativeLayerNorm(3), far),
    "SqueezeExcitation": Case(lambda: SqueezeExcitation(4, 2)),
    "SqueezeExcitation-frequencies": Case(lambda: SqueezeExcitation((3, 4), 2)),
    "SqueezeExcitation-sequence": Case(lambda: SqueezeExcitation(4, 2, over="sequence")),
    "SqueezeExcitation-sequence-frequencies": Case(lambda: SqueezeExcitation((3, 4), 2, over="sequence")),
    "Dense": Case(lambda: Dense(3, 5)),
    "Dense-frequencies": Case(lambda: Dense((4, 3), 5)),
    "Pointwise-frequencies": Case(
        lambda: Pointwise(nn.Sequential(nn.Linear(3, 5), nn.Tanh()), (4, 3), (4, 5))
    ),
    "Pointwise": Case(lambda: Pointwise(nn.LeakyReLU(), 3, 3)),
    "Identity": Case(Identity, lambda b, t, g: nn.functional.pad(trades(b, t, g), (0, 1))),
    "Dropout1d": Case(lambda: Dropout1d(3, 0.4)),
    "Dropout1d-frequencies": Case(lambda: Dropout1d((4, 3), 0.4)),
}

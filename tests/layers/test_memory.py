"""Memory follows the producer: a stack of convolutions reorders nothing."""

import pytest
import torch

from ostinato.layers import (
    BatchNorm,
    CentredConv1d,
    Chain,
    CondensedConv1d,
    Conv1d,
    ConvTranspose1d,
    Delay,
    Downsample,
    Interpolate,
    LearnedGroupConv1d,
    LowPass,
    MaxPool1d,
    PointwiseConv1d,
    Residual,
    SeparableConv1d,
    Upsample,
)
from ostinato.layers.history import join_steps, keep_last

LAYERS = {
    "Conv1d": lambda: Conv1d(3, 3, 3),
    "kernel1": lambda: Conv1d(3, 3, 1),
    "strided": lambda: Conv1d(3, 3, 3, stride=2),
    "stack": lambda: Chain(*(Conv1d(3, 3, 3, dilation=2**n) for n in range(3))),
    "residual": lambda: Residual(Chain(Conv1d(3, 3, 3), Conv1d(3, 3, 3))),
    "waiting": lambda: Residual(Conv1d(3, 3, 3, latency=1)),
    "normalised": lambda: Chain(Conv1d(3, 3, 3), BatchNorm(3)),
    "pooled": lambda: Chain(Conv1d(3, 3, 3), MaxPool1d(3, 2)),
    "delayed": lambda: Chain(Conv1d(3, 3, 3), Delay(3, 0)),
    "transposed": lambda: ConvTranspose1d(3, 3, 5, stride=2),
    "transposed-apart": lambda: ConvTranspose1d(3, 3, 2, stride=2, bias=False),
    "transposed-overlapping": lambda: ConvTranspose1d(3, 3, 4, stride=2, bias=False),
    "back": lambda: Residual(Chain(Conv1d(3, 3, 3, stride=2), ConvTranspose1d(3, 3, 4, stride=2))),
    "separable": lambda: SeparableConv1d(3, 3, 3, between=BatchNorm(3)),
    "weight-norm": lambda: Chain(Conv1d(3, 3, 3, weight_norm=True), PointwiseConv1d(3, 3)),
    "centred": lambda: Chain(Conv1d(3, 3, 3), CentredConv1d(3, 3, 3), CentredConv1d(3, 3, 3, stride=2)),
    "learned-groups": lambda: LearnedGroupConv1d(3, 4, 3, groups=2, condense_factor=1),
    "condensed": lambda: CondensedConv1d(3, 4, 3, groups=2, condense_factor=3),
    "down": lambda: Chain(Conv1d(3, 3, 3), Downsample(3, 2)),
    "up": lambda: Chain(Conv1d(3, 3, 3), Upsample(3, 2)),
    "up-linear": lambda: Chain(Conv1d(3, 3, 3), Upsample(3, 2, "linear")),
    "filtered": lambda: Chain(Conv1d(3, 3, 3), LowPass(3, 0.2, 3)),
    "interpolated": lambda: Chain(Conv1d(3, 3, 3), Interpolate(3, 2, half_width=1)),
}


@pytest.mark.parametrize("lengths", [None, torch.tensor([8, 3])], ids=["whole", "ragged"])
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())
def test_channel_first_memory_is_handed_on(make, lengths):
    layer, state = make().eval(), None
    for seed in range(2):
        x = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(seed)).transpose(1, 2)
        y, state = layer(
            x,
            state,
            lengths if seed == 0 else None if lengths is None else torch.tensor([8, 0]),
        )
        assert y.transpose(1, 2).is_contiguous()


def test_history_is_joined_without_reordering():
    history, x = (torch.randn(2, 3, steps).transpose(1, 2) for steps in (4, 8))
    buffer = join_steps(history, x)
    assert torch.equal(buffer, torch.cat([history, x], dim=1))
    assert buffer.transpose(1, 2).is_contiguous()
    assert join_steps(history[:, :0], x) is x


def test_what_is_kept_is_its_own_memory():
    buffer = torch.randn(2, 12, 3)
    for count in (0, 1, 5):
        for lengths in (None, torch.tensor([12 - count, 12 - count])):
            kept = keep_last(buffer, count, lengths)
            assert torch.equal(kept, buffer[:, 12 - count :])
            assert kept.untyped_storage().nbytes() == kept.numel() * 4
    assert torch.equal(keep_last(buffer, 4, torch.tensor([0, 3]))[1], buffer[1, 3:7])

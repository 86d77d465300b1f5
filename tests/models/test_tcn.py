"""The TCN beside a second one, written out here after Bai et al.'s description: pad both sides, cut the end off."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from ostinato.models import build, config_for

FEATURES, OUTPUTS = 3, 2


class Chop(nn.Module):
    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def forward(self, x):
        return x[:, :, : -self.steps] if self.steps else x


class Block(nn.Module):
    """Figure 1 (b) of arXiv:1803.01271."""

    def __init__(self, inputs, outputs, kernel_size, dilation):
        super().__init__()
        padding = (kernel_size - 1) * dilation
        modules = []
        for channels in (inputs, outputs):
            convolution = nn.Conv1d(channels, outputs, kernel_size, padding=padding, dilation=dilation)
            modules += [weight_norm(convolution), Chop(padding), nn.ReLU()]
        self.body = nn.Sequential(*modules)
        self.shortcut = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x):
        return torch.relu(self.body(x) + (x if self.shortcut is None else self.shortcut(x)))


class Reference(nn.Module):
    def __init__(self, config):
        super().__init__()
        sizes = [FEATURES] + [config.channels] * config.levels
        self.blocks = nn.Sequential(
            *(Block(a, b, config.kernel_size, 2**i) for i, (a, b) in enumerate(pairwise(sizes)))
        )
        self.head = nn.Linear(config.channels, OUTPUTS)

    def forward(self, x):
        return self.head(self.blocks(x.transpose(1, 2)).transpose(1, 2))


def pair(**options):
    """Ours and the reference, in double precision, with the same weights."""
    torch.manual_seed(0)
    ours = build("tcn", options, FEATURES, OUTPUTS).double().eval()
    theirs = Reference(config_for("tcn", options)).double()
    values = [value for _, value in sorted(ours.named_parameters(), key=lambda item: place(item[0]))]
    targets = [value for _, value in sorted(theirs.named_parameters(), key=lambda item: place(item[0]))]
    with torch.no_grad():
        for target, value in zip(targets, values, strict=True):
            target.copy_(value + 0.1 * torch.randn_like(value))
            value.copy_(target)
    return ours, theirs


def place(name):
    """Blocks in order, body before shortcut, bias before gain before direction: a name's place in either network."""
    parts = name.replace("blocks.", "").split(".")
    numbers = [int(part) for part in parts if part.isdigit()]
    return "head" in name, numbers[:1], "shortcut" in name, name.split("parametrizations")[0], name


CONFIGS = [
    {"channels": 5, "levels": 3, "kernel_size": 3},
    {"channels": 5, "levels": 4, "kernel_size": 2},
    {"channels": FEATURES, "levels": 2, "kernel_size": 4},
    {"channels": 2, "levels": 1, "kernel_size": 1},
]


@pytest.mark.parametrize("options", CONFIGS, ids=str)
def test_outputs_and_gradients_are_those_of_the_reference(options):
    ours, theirs = pair(**options)
    x = torch.randn(2, 40, FEATURES, dtype=torch.float64)
    mine, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, expected = ours(mine)[0], theirs(other)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    y.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(mine.grad, other.grad, rtol=1e-10, atol=1e-10)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    slopes = [sum(float(p.grad.square().sum()) for p in m.parameters()) for m in (ours, theirs)]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-10)


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 7])
@pytest.mark.parametrize("levels", [1, 2, 5])
def test_receptive_field_is_the_published_formula(kernel_size, levels):
    options = {"channels": 2, "levels": levels, "kernel_size": kernel_size}
    expected = 1 + 2 * (kernel_size - 1) * (2**levels - 1)
    assert build("tcn", options, FEATURES, OUTPUTS).receptive_field == expected
    assert config_for("tcn", options).receptive_field == expected


def test_dropout_is_off_in_eval_and_on_in_train():
    model = build("tcn", {"dropout": 0.5, "channels": 8}, FEATURES, OUTPUTS)
    x = torch.randn(1, 9, FEATURES)
    model.train()
    assert not torch.equal(model(x)[0], model(x)[0])
    model.eval()
    assert torch.equal(model(x)[0], model(x)[0])

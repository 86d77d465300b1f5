"""Normalisation against torch's, on the valid steps and nothing else."""

import re

import pytest
import torch
from torch import nn

from layers.close import close, gradients
from ostinato.core import valid_steps
from ostinato.errors import ConfigError, ShapeError
from ostinato.layers import BatchNorm, Dense, LayerNorm

LENGTHS = torch.tensor([7, 0, 1, 4])


def pair(momentum: float = 0.1) -> tuple[BatchNorm, nn.BatchNorm1d]:
    torch.manual_seed(0)
    ours = BatchNorm(3, eps=1e-3, momentum=momentum).double()
    theirs = nn.BatchNorm1d(3, eps=1e-3, momentum=momentum).double()
    nn.init.normal_(ours.norm.weight)
    theirs.load_state_dict(ours.norm.state_dict())
    return ours, theirs


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_batch_statistics_are_those_of_the_valid_steps(lengths):
    ours, theirs = pair()
    x = torch.randn(4, 7, 3, dtype=torch.float64, requires_grad=True)
    real = torch.ones(4, 7, dtype=torch.bool) if lengths is None else valid_steps(lengths, 7)
    for _ in range(3):
        y, expected = ours(x, None, lengths)[0], theirs(x[real])
        close(y[real], expected)
    assert not y[~real].any()
    for found, truth in zip(ours.norm.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(found, truth)
    inputs = [x, ours.norm.weight, ours.norm.bias], [x, theirs.weight, theirs.bias]
    slopes = gradients([y[real]], inputs[0]), gradients([expected], inputs[1])
    for found, truth in zip(*slopes, strict=True):
        close(found, truth)
    ours.eval()
    theirs.eval()
    close(ours(x, None, lengths)[0][real], theirs(x[real]))


def test_padding_full_of_nan_spoils_no_statistics():
    ours, _ = pair()
    x = torch.randn(4, 7, 3, dtype=torch.float64)
    ours(x.masked_fill(~valid_steps(LENGTHS, 7)[..., None], torch.nan), None, LENGTHS)
    assert ours.norm.running_mean.isfinite().all()
    assert ours.norm.running_var.isfinite().all()


def test_a_single_step_has_no_variance():
    sentence = "BatchNorm cannot train on a single valid step. Use longer slices or more rows."
    with pytest.raises(ShapeError, match=re.escape(sentence)):
        BatchNorm(3)(torch.zeros(2, 5, 3), None, torch.tensor([1, 0]))


def test_no_step_leaves_the_statistics_alone():
    ours, _ = pair()
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    y, _ = ours(torch.randn(2, 5, 3, dtype=torch.float64), None, torch.tensor([0, 0]))
    assert not y.any()
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_layer_norm_is_torch_s():
    torch.manual_seed(0)
    ours, theirs = LayerNorm(3, eps=1e-2).double(), nn.LayerNorm(3, eps=1e-2).double()
    nn.init.normal_(theirs.weight)
    ours.module.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 7, 3, dtype=torch.float64)
    close(ours(x)[0], theirs(x))


def test_dense_is_torch_s_linear():
    ours, x = Dense(3, 5, bias=False), torch.randn(2, 7, 3)
    torch.testing.assert_close(ours(x)[0], x @ ours.module.weight.T)
    assert ours.module.bias is None


@pytest.mark.parametrize("make", [BatchNorm, LayerNorm, lambda size: Dense(size, 3)])
def test_refusals(make):
    with pytest.raises(
        ConfigError, match=re.escape("input_size must be a whole number of at least 1, got 0.")
    ):
        make(0)

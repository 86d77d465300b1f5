"""Attention pooling against a softmax of every beginning, taken anew, and against torch's attention.

Axes: B batch, T time steps, C features, H heads.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from layers.close import close, gradients
from ostinato.checks.subject import run_chunks
from ostinato.errors import ConfigError, ShapeError
from ostinato.layers import AttentionPool

KINDS = {
    "linear": {},
    "linear-heads": {"heads": 3},
    "tanh": {"scorer": "tanh", "hidden_size": 5},
    "tanh-heads": {"heads": 2, "scorer": "tanh", "bias": False},
}
ALL = pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())


def made(options: dict) -> tuple[AttentionPool, Tensor]:
    torch.manual_seed(1)
    layer = AttentionPool(4, **options).double()
    return layer, torch.randn(3, 7, 4, dtype=torch.float64, requires_grad=True)


def naive(layer: AttentionPool, x: Tensor) -> Tensor:
    """The equations, one output and one head after the other."""
    rows = []
    for t in range(x.shape[1]):
        pooled = []
        for query in layer.query.weight:
            features = x[:, : t + 1]
            if layer.hidden is not None:
                bias = 0 if layer.hidden.bias is None else layer.hidden.bias
                features = torch.tanh(features @ layer.hidden.weight.T + bias)
            weights = (features @ query).exp()
            weights = weights / weights.sum(1, keepdim=True)
            pooled.append((weights[..., None] * x[:, : t + 1]).sum(1))
        rows.append(torch.cat(pooled, dim=1))
    return torch.stack(rows, dim=1)


@ALL
def test_values_and_gradients(options):
    layer, x = made(options)
    y, expected = layer(x)[0], naive(layer, x)
    close(y, expected)
    inputs = [x, *layer.parameters()]
    for found, truth in zip(gradients([y], inputs), gradients([expected], inputs), strict=True):
        close(found, truth)


@ALL
def test_last_is_attention_over_everything(options):
    layer, x = made(options)
    y, expected = layer.last(x), naive(layer, x)[:, -1]
    close(y, expected)
    inputs = [x, *layer.parameters()]
    for found, truth in zip(gradients([y], inputs), gradients([expected], inputs), strict=True):
        close(found, truth)
    close(layer.tail(x, 3), layer(x)[0][:, -3:])
    with pytest.raises(ShapeError, match=re.escape("x has 0 steps, too few for an output")):
        layer.last(x[:, :0])


def test_it_is_torch_s_attention_with_a_query_that_is_learned():
    layer, x = made({"heads": 3})
    query = layer.query.weight[None, :, None].expand(3, 3, 7, 4)
    values = x[:, None].expand(3, 3, 7, 4)
    expected = F.scaled_dot_product_attention(query, values, values, is_causal=True, scale=1.0)
    close(layer(x)[0], expected.transpose(1, 2).flatten(2))


@ALL
def test_weights_are_what_the_last_valid_output_is_made_of(options):
    layer, x = made(options)
    lengths = torch.tensor([7, 0, 4])
    y, _ = layer(x, None, lengths)
    weights = layer.weights(
        x.detach().masked_fill(torch.arange(7)[:, None] >= lengths[:, None, None], torch.nan), lengths
    )
    close(weights.sum(1), torch.tensor([[1.0], [0.0], [1.0]], dtype=torch.float64).expand(3, layer.heads))
    assert not weights[2, 4:].any()
    pooled = torch.einsum("bth,btc->bhc", weights, x).flatten(1)
    close(pooled[0], y[0, 6])
    close(pooled[2], y[2, 3])
    close(layer.weights(x)[0], weights[0])
    assert weights.isfinite().all()
    assert not torch.autograd.grad(weights.sum(), list(layer.parameters()))[0].isnan().any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1e3, 1e30])
def test_scores_of_any_size(size, dtype):
    """exp of these is infinite or 0; what counts is how far they are apart."""
    layer = AttentionPool(2).to(dtype)
    with torch.no_grad():
        layer.query.weight.copy_(torch.tensor([[1.0, 0.0]]))
    scores = torch.tensor([-3.0, -1.0, -1.0, 2.0, -3.0, 2.0], dtype=dtype) * size
    marks = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], dtype=dtype)
    x = torch.stack([scores, marks], dim=1)[None].requires_grad_()
    expected = torch.tensor([1.0, 2.0, 3.0, 8.0, 8.0, 20.0], dtype=dtype)
    for pieces in ([6], [1] * 6, [2, 0, 4]):
        y, state = run_chunks(layer, x, pieces)
        torch.testing.assert_close(y[0, :, 1], expected)
        assert state.weight.item() == pytest.approx(2)
        slopes = gradients([y[..., 1]], [x, layer.query.weight])
        assert all(slope.isfinite().all() for slope in slopes)
    torch.testing.assert_close(layer.last(x)[0, 1], expected[-1])


def test_a_long_stream_goes_on_counting():
    """In float32 a weight of 2 ** 24 would never grow again."""
    layer = AttentionPool(1)
    state = layer.initial_state(1)
    many = 2.0**24
    state = type(state)(torch.zeros_like(state.largest), state.total, torch.full_like(state.weight, many))
    with torch.no_grad():
        layer.query.weight.zero_()
        _, state = layer(torch.ones(1, 4, 1), state)
    assert float(state.weight) == many + 4


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: AttentionPool(0), "input_size must be a whole number of at least 1, got 0."),
        (lambda: AttentionPool(3, 0), "heads must be a whole number of at least 1, got 0."),
        (lambda: AttentionPool(3, scorer="dot"), "scorer must be 'linear' or 'tanh', got 'dot'."),
        (
            lambda: AttentionPool(3, scorer="tanh", hidden_size=0),
            "hidden_size must be a whole number of at least 1, got 0.",
        ),
        (
            lambda: AttentionPool(3, hidden_size=4),
            "hidden_size is of the 'tanh' scorer, got 4 for a linear one. Leave it out.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()

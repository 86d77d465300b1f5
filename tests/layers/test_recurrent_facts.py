"""What the lectures say of recurrent networks, measured.

Axes: B batch, T time steps, I input features, H hidden features.
"""

import math

import pytest
import torch
from torch import Tensor, nn

from ostinato.layers import GRU, LSTM, RNN


def count(layer: nn.Module) -> int:
    return sum(parameter.numel() for parameter in layer.parameters())


@pytest.mark.parametrize(("inputs", "hidden"), [(1, 1), (3, 5), (64, 128)])
def test_an_lstm_has_four_times_the_parameters_of_an_rnn_and_a_gru_three_times(inputs, hidden):
    plain = count(RNN(inputs, hidden))
    assert plain == hidden * (inputs + hidden + 2)
    assert count(LSTM(inputs, hidden)) == 4 * plain
    assert count(GRU(inputs, hidden)) == 3 * plain


def linear_rnn(weight: Tensor) -> RNN:
    """h = W h + x: relu never cuts, because nothing is negative."""
    layer = RNN(len(weight), len(weight), nonlinearity="relu", bias=False).double()
    with torch.no_grad():
        layer.weight_hh_l0.copy_(weight)
        layer.weight_ih_l0.copy_(torch.eye(len(weight)))
    return layer


def gradient_by_distance(layer: nn.Module, x: Tensor) -> Tensor:
    """The norm of the error signal of the last output at each step, the newest first."""
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(layer(x)[0][:, -1].sum(), x)
    return slope.norm(dim=(0, 2)).flip(0)


@pytest.mark.parametrize("radius", [0.8, 1.0, 1.25])
def test_the_error_signal_goes_with_the_power_of_the_spectral_radius(radius):
    torch.manual_seed(0)
    weight = (
        torch.rand(6, 6, dtype=torch.float64) + 0.1
    )  # positive: one real eigenvalue is the largest (Perron)
    weight *= radius / torch.linalg.eigvals(weight).abs().max()
    steps = 200
    norms = gradient_by_distance(linear_rnn(weight), torch.ones(1, steps, 6, dtype=torch.float64))
    assert (norms[101:] / norms[100:-1]).sub(radius).abs().max() < 1e-9
    expected = torch.linalg.matrix_power(weight.T, steps - 1) @ torch.ones(6, dtype=torch.float64)
    assert math.isclose(norms[-1], expected.norm(), rel_tol=1e-9)
    assert (norms[-1] > 1e15) == (radius > 1)
    assert (norms[-1] < 1e-15) == (radius < 1)


def test_a_symmetric_weight_sends_the_signal_along_its_eigenvectors():
    torch.manual_seed(0)
    drawn = torch.rand(5, 5, dtype=torch.float64)
    weight = (drawn + drawn.T) / 4  # nothing negative, so that relu never cuts
    values, vectors = torch.linalg.eigh(weight)
    x = torch.ones(1, 31, 5, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(linear_rnn(weight)(x)[0][:, -1].sum(), x)
    expected = vectors @ torch.diag(values**30) @ vectors.T @ torch.ones(5, dtype=torch.float64)
    torch.testing.assert_close(slope[0, 0], expected, rtol=1e-9, atol=1e-12)


def test_clipping_bounds_the_step_on_a_gradient_cliff():
    """The recurrent weight of a network of one unit, where it begins to explode."""
    layer = linear_rnn(torch.full((1, 1), 1.3, dtype=torch.float64))
    rate, threshold = 0.1, 1.0
    optimizer = torch.optim.SGD(layer.parameters(), lr=rate)
    before = torch.cat([parameter.detach().flatten() for parameter in layer.parameters()])
    layer(torch.ones(1, 60, 1, dtype=torch.float64))[0][:, -1].sum().backward()
    direction = torch.cat([parameter.grad.flatten() for parameter in layer.parameters()])
    assert rate * direction.norm() > 1e6
    nn.utils.clip_grad_norm_(layer.parameters(), threshold)
    optimizer.step()
    after = torch.cat([parameter.detach().flatten() for parameter in layer.parameters()])
    assert math.isclose((after - before).norm(), rate * threshold, rel_tol=1e-6)
    torch.testing.assert_close((before - after) / rate, direction / direction.norm(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("gated", [LSTM, GRU])
def test_a_gated_cell_carries_an_error_signal_further_than_a_plain_one(gated):
    """Both as they are drawn, the gates that keep the state opened a little: forget bias 1 (update gate likewise)."""
    kept = {}
    for kind in (RNN, gated):
        torch.manual_seed(0)
        layer = kind(4, 32).double()
        if kind is gated:
            retention_gates = slice(32, 64)  # the forget gate of an LSTM, the update gate of a GRU
            with torch.no_grad():
                layer.bias_ih_l0[retention_gates] += 1.0
        norms = gradient_by_distance(layer, torch.randn(8, 101, 4, dtype=torch.float64))
        kept[kind] = norms / norms[0]
    assert kept[RNN][50] < 1e-6
    assert kept[gated][50] > 1e3 * kept[RNN][50]
    assert (kept[gated][10:] > kept[RNN][10:]).all()

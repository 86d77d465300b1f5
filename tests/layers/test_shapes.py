"""Between one axis and two, and layers that map the last of two.

Axes: B batch, T time steps, F frequencies, C channels.
"""

import re

import pytest
import torch
from torch import nn

from layers.close import close
from ostinato.errors import ConfigError, ShapeError
from ostinato.layers import GRU, Chain, Conv2d, Dense, Flatten, Identity, Pointwise, Residual, Unflatten


def test_flatten_and_unflatten_undo_each_other_without_a_copy():
    x = torch.randn(2, 5, 4, 3)
    flat, state = Flatten((4, 3))(x)
    assert state == ()
    assert torch.equal(flat[0, 0], x[0, 0].reshape(-1))
    assert flat[1, 2, 3 * 3 + 2] == x[1, 2, 3, 2]  # feature f C + c
    back, _ = Unflatten((4, 3))(flat)
    assert torch.equal(back, x)
    assert flat.data_ptr() == back.data_ptr() == x.data_ptr()


def test_unflatten_is_a_view_of_any_memory():
    x = torch.randn(2, 12, 5).transpose(1, 2)
    y, _ = Unflatten((4, 3))(x)
    assert y.data_ptr() == x.data_ptr()
    assert torch.equal(y.reshape(2, 5, 12), x)


def test_what_a_convolution_gives_is_flattened_without_a_copy():
    y, _ = Chain(Unflatten((4, 1)), Conv2d((4, 1), 3, 2))(torch.randn(2, 5, 4))
    assert Flatten((3, 3))(y)[0].data_ptr() == y.data_ptr()


def test_sizes_add_up_from_features_to_features():
    chain = Chain(Unflatten((4, 2)), Conv2d((4, 2), 3, (2, 3)), Flatten((2, 3)), GRU(6, 5))
    assert (chain.input_size, chain.output_size) == (8, 5)
    assert chain(torch.zeros(2, 7, 8))[0].shape == (2, 7, 5)


@pytest.mark.parametrize("output_size", [5, (4, 5)])
def test_dense_maps_the_last_axis(output_size):
    layer = Dense((4, 3), output_size).double()
    assert (layer.input_size, layer.output_size) == ((4, 3), (4, 5))
    x = torch.randn(2, 6, 4, 3, dtype=torch.float64)
    weight, bias = layer.module.weight, layer.module.bias
    close(layer(x)[0], torch.einsum("btfi,oi->btfo", x, weight) + bias)
    convolution = Conv2d((4, 3), 5, 1).double()
    convolution.load_state_dict({"weight": weight[..., None, None], "bias": bias})
    close(layer(x)[0], convolution(x)[0])


def test_layers_without_sizes_take_both():
    chain = Chain(Conv2d((4, 3), 3, 3, padding="same"), Pointwise(nn.ReLU()), Residual(Identity()))
    x = torch.randn(2, 6, 4, 3)
    close(chain(x)[0], 2 * chain.layers[0](x)[0].relu())
    residual = Residual(Conv2d((4, 3), 3, 3, padding="same"))
    close(residual(x)[0], x + residual.body(x)[0])


def test_steps_of_two_axes():
    """Modules that steppers know on arrays give the numbers of whole sequences for (F, C) too."""
    net = nn.Sequential(nn.Linear(3, 5), nn.LeakyReLU(), nn.Linear(5, 2, bias=False), nn.Tanh())
    for layer in (
        Pointwise(net, (4, 3), (4, 2)),
        Dense((4, 3), 2),
        Pointwise(nn.ReLU()),
        Pointwise(nn.ReLU(), (4, 3)),
    ):
        layer.eval()
        x = torch.randn(2, 6, 4, 3)
        stepper = layer.stepper(2)
        found = torch.stack([stepper.step(x[:, step]) for step in range(6)], dim=1)
        torch.testing.assert_close(found, layer(x)[0].detach())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Flatten(12), "input_size must be a pair (frequencies, channels), got 12."),
        (lambda: Flatten((4, 0)), "input_size must be a whole number of at least 1, got (4, 0)."),
        (lambda: Unflatten(12), "output_size must be a pair (frequencies, channels), got 12."),
        (lambda: Unflatten((-1, 3)), "output_size must be a whole number of at least 1, got (-1, 3)."),
        (lambda: Dense((4, 0), 3), "input_size must be a whole number of at least 1, got (4, 0)."),
        (
            lambda: Dense((4, 3), (5, 2)),
            "Dense maps the last axis: of (4, 3) it cannot make (5, 2). Pass output_size=2, or flatten the axes "
            "before.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()


@pytest.mark.parametrize(
    ("layer", "x", "sentence"),
    [
        (Flatten((4, 3)), (2, 5, 12), "x must be (batch, time, 4, 3), got (2, 5, 12)."),
        (Conv2d((4, 3), 2, 3), (2, 5, 3, 4), "x must be (batch, time, 4, 3), got (2, 5, 3, 4)."),
        (Unflatten((4, 3)), (2, 5, 4, 3), "x must be (batch, time, 12), got (2, 5, 4, 3)."),
        (Identity(), (2, 5), "x must be (batch, time, features), got (2, 5)."),
    ],
)
def test_other_shapes_are_refused(layer, x, sentence):
    with pytest.raises(ShapeError, match=re.escape(sentence)):
        layer(torch.zeros(x))

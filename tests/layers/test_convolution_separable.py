"""Depthwise, pointwise and separable convolutions against torch's grouped ones; centred strides; weight norm.

Axes: B batch, T time steps, C input features, O output features, K kernel size, M multiplier.
"""

import copy
import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations

from layers.close import close, gradients
from ostinato.errors import ConfigError, ShapeError
from ostinato.layers import (
    GRU,
    BatchNorm,
    CentredConv1d,
    Chain,
    Conv1d,
    ConvTranspose1d,
    Dense,
    DepthwiseConv1d,
    Pointwise,
    PointwiseConv1d,
    SeparableConv1d,
)


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def same_numbers_and_gradients(found, expected, inputs):
    close(found, expected)
    for a, b in zip(gradients([found], inputs), gradients([expected], inputs), strict=True):
        close(a, b)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(3, 9))
def test_depthwise_is_each_feature_alone(kernel_size, multiplier, stride, dilation, steps):
    torch.manual_seed(steps)
    layer = DepthwiseConv1d(2, kernel_size, multiplier=multiplier, stride=stride, dilation=dilation).double()
    x = normal(3, steps, 2)
    alone = []
    for feature in range(2):
        places = slice(feature * multiplier, (feature + 1) * multiplier)
        one = x[:, :, feature, None].transpose(1, 2)
        left = (kernel_size - 1) * dilation + 1 - stride
        alone.append(
            F.conv1d(F.pad(one, (left, 0)), layer.weight[places], layer.bias[places], stride, 0, dilation)
        )
    same_numbers_and_gradients(layer(x)[0], torch.cat(alone, dim=1).transpose(1, 2), [x, *layer.parameters()])


@pytest.mark.parametrize("groups", [1, 2])
def test_pointwise_is_a_matrix_at_every_step(groups):
    layer = PointwiseConv1d(4, 6, groups=groups).double()
    x = normal(2, 5, 4)
    matrix = torch.block_diag(*layer.weight[:, :, 0].chunk(groups))
    same_numbers_and_gradients(layer(x)[0], x @ matrix.T + layer.bias, [x, *layer.parameters()])


def test_pointwise_is_dense():
    layer, dense = PointwiseConv1d(4, 6).double(), Dense(4, 6).double()
    dense.module.load_state_dict({"weight": layer.weight.detach()[:, :, 0], "bias": layer.bias.detach()})
    x = normal(2, 5, 4)
    close(layer(x)[0], dense(x)[0])


@pytest.mark.parametrize("multiplier", [1, 3])
def test_separable_is_one_convolution_of_a_product(multiplier):
    """A kernel of rank M for each pair of features: W[o, c, k] = sum over m of point[o, c M + m] depth[c M + m, k]."""
    torch.manual_seed(0)
    layer = SeparableConv1d(4, 5, 3, multiplier=multiplier, dilation=2, stride=2).double()
    depth, point = layer.depthwise, layer.pointwise
    kernel = point.weight[:, :, 0].view(5, 4, multiplier, 1) * depth.weight.view(1, 4, multiplier, 3)
    bias = point.weight[:, :, 0] @ depth.bias + point.bias
    x = normal(2, 9, 4)
    expected = F.conv1d(F.pad(x.transpose(1, 2), (3, 0)), kernel.sum(2), bias, 2, 0, 2).transpose(1, 2)
    same_numbers_and_gradients(layer(x)[0], expected, [x, *layer.parameters()])


def test_separable_has_a_layer_between():
    between = Chain(BatchNorm(4), Pointwise(nn.ReLU(), 4, 4))
    layer = SeparableConv1d(4, 5, 3, between=between).eval()
    assert list(dict(layer.named_children())) == ["depthwise", "between", "pointwise"]
    x = torch.randn(2, 9, 4)
    expected = layer.pointwise(between(layer.depthwise(x)[0])[0])[0]
    assert torch.equal(layer(x)[0], expected)


# centred with a stride


@settings(deadline=None, max_examples=25)
@given(st.sampled_from([1, 3, 5]), st.integers(1, 4), st.integers(1, 3), st.integers(0, 13))
def test_centred_strides_keep_the_last_of_each_block(kernel_size, stride, dilation, steps):
    torch.manual_seed(steps)
    layer = CentredConv1d(2, 3, kernel_size, stride=stride, dilation=dilation).double()
    every = CentredConv1d(2, 3, kernel_size, dilation=dilation).double()
    every.load_state_dict(layer.state_dict())
    x = torch.randn(2, steps, 2, dtype=torch.float64)
    close(layer(x)[0], every(x)[0][:, stride - 1 :: stride])


@pytest.mark.parametrize(("stride", "ahead"), [(2, 2), (3, 3)])
def test_centred_strides_are_looking_ahead_and_flushing(stride, ahead):
    centred = CentredConv1d(2, 3, 2 * ahead + 1, stride=stride).double()
    streaming = Conv1d(2, 3, 2 * ahead + 1, stride=stride, latency=ahead).double()
    streaming.load_state_dict(centred.convolution.state_dict())
    x = torch.randn(2, 4 * stride, 2, dtype=torch.float64)
    y, state = streaming(x)
    late = ahead // stride
    close(torch.cat([y, streaming.flush(state)], dim=1)[:, late:], centred(x)[0])


# windows that lie wholly within x


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 4))
def test_valid_is_torch_s_without_padding(kernel_size, stride, dilation, more):
    layer = Conv1d(2, 3, kernel_size, stride=stride, dilation=dilation).double()
    span = (kernel_size - 1) * dilation + 1
    least = -(-span // stride) * stride
    x = torch.randn(2, least + more, 2, dtype=torch.float64)
    expected = F.conv1d(x[:, least - span :].transpose(1, 2), layer.weight, layer.bias, stride, 0, dilation)
    found = layer.valid(x)
    close(found, expected.transpose(1, 2)[:, : found.shape[1]])
    close(found, layer(x)[0][:, -found.shape[1] :])
    assert found.shape[1] == more // stride + 1


@pytest.mark.parametrize(
    ("options", "steps", "sentence"),
    [
        (
            {"kernel_size": 3, "dilation": 2},
            4,
            "the kernel spans 5 steps, x has 4: no window lies within it. Pass at least 5 steps, or call the layer "
            "itself, which begins with zeros.",
        ),
        ({"kernel_size": 3, "stride": 2}, 3, "spans 3 steps, which ends at a multiple of 2, x has 3"),
        ({"kernel_size": 1}, 0, "the kernel spans 1 steps, x has 0"),
    ],
)
def test_a_kernel_longer_than_a_valid_window(options, steps, sentence):
    with pytest.raises(ShapeError, match=re.escape(sentence)):
        Conv1d(2, 3, **options).valid(torch.zeros(2, steps, 2))


# weight norm

NORMED = {
    "Conv1d": (Conv1d, nn.Conv1d, (4, 6, 3), {"groups": 2}),
    "CentredConv1d": (CentredConv1d, nn.Conv1d, (4, 6, 3), {}),
    "ConvTranspose1d": (ConvTranspose1d, nn.ConvTranspose1d, (4, 6, 3), {"stride": 2}),
    "DepthwiseConv1d": (DepthwiseConv1d, None, (4, 3), {"multiplier": 2}),
    "PointwiseConv1d": (PointwiseConv1d, None, (4, 6), {}),
}


def of(layer):
    return layer.convolution if isinstance(layer, CentredConv1d) else layer


@pytest.mark.parametrize(("kind", "theirs", "sizes", "options"), NORMED.values(), ids=NORMED.keys())
def test_weight_norm_begins_with_the_same_weights(kind, theirs, sizes, options):
    torch.manual_seed(0)
    plain = kind(*sizes, **options)
    torch.manual_seed(0)
    layer = kind(*sizes, **options, weight_norm=True)
    torch.testing.assert_close(of(layer).weight, of(plain).weight)
    x = torch.randn(2, 7, 4)
    torch.testing.assert_close(layer(x)[0], plain(x)[0])
    if theirs is not None:
        torch.manual_seed(0)
        torch.testing.assert_close(of(layer).weight, theirs(*sizes, **options).weight)


@pytest.mark.parametrize(("kind", "theirs", "sizes", "options"), NORMED.values(), ids=NORMED.keys())
def test_weight_norm_is_a_magnitude_and_a_direction(kind, theirs, sizes, options):
    """Equation 2: w = g v / |v| for each output, and its gradients by equation 3."""
    torch.manual_seed(0)
    layer = kind(*sizes, **options, weight_norm=True).double()
    names = dict(of(layer).named_parameters())
    g, v = names["parametrizations.weight.original0"], names["parametrizations.weight.original1"]
    outputs = 1 if kind is ConvTranspose1d else 0
    assert g.numel() == g.shape[outputs] == v.shape[outputs] == layer.output_size
    with torch.no_grad():
        g.mul_(1.7)
        v.mul_(0.3)  # only its direction counts
    rest = [axis for axis in range(3) if axis != outputs]
    length = v.detach().square().sum(rest, keepdim=True).sqrt()
    close(of(layer).weight, g * v / length)
    x = torch.randn(2, 7, 4, dtype=torch.float64)
    of_weight = torch.autograd.grad(of(layer).weight.sin().sum(), [g, v])
    slope = of(layer).weight.cos().detach()
    of_g = (slope * v).sum(rest, keepdim=True) / length
    close(of_weight[0], of_g)
    close(of_weight[1], g / length * slope - g * of_g / length**2 * v)
    assert layer(x)[0].isfinite().all()


@pytest.mark.parametrize("save", [torch.nn.utils.weight_norm, nn.utils.parametrizations.weight_norm])
@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
def test_weights_of_torch_are_loaded(save):
    """Those of the function that torch had before, too, which named them otherwise."""
    theirs, layer = save(nn.Conv1d(4, 6, 3)), Conv1d(4, 6, 3, weight_norm=True)
    layer.load_state_dict(theirs.state_dict())
    assert torch.equal(layer.weight, theirs.weight)


@pytest.mark.parametrize(("kind", "theirs", "sizes", "options"), NORMED.values(), ids=NORMED.keys())
def test_a_weight_that_is_set_is_used(kind, theirs, sizes, options):
    """Under the old hook of torch it was computed anew from the old numbers, and initialising it did nothing."""
    layer = kind(*sizes, **options, weight_norm=True)
    wanted = torch.randn_like(of(layer).weight)
    of(layer).weight = wanted
    torch.testing.assert_close(of(layer).weight, wanted)
    plain = kind(*sizes, **options)
    with torch.no_grad():
        of(plain).weight.copy_(wanted)
        of(plain).bias.copy_(of(layer).bias)
    x = torch.randn(2, 7, 4)
    torch.testing.assert_close(layer(x)[0], plain(x)[0])
    torch.testing.assert_close(layer(x)[0], plain(x)[0])  # and stays


@pytest.mark.parametrize(("kind", "theirs", "sizes", "options"), NORMED.values(), ids=NORMED.keys())
def test_weight_norm_is_copied_saved_and_trained(kind, theirs, sizes, options):
    layer = kind(*sizes, **options, weight_norm=True)
    x = torch.randn(2, 7, 4)
    y = layer(x)[0]
    copied, other = copy.deepcopy(layer), kind(*sizes, **options, weight_norm=True)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(copied(x)[0], y)
    assert torch.equal(other(x)[0], y)
    optimizer = torch.optim.SGD(copied.parameters(), lr=0.1)
    copied(x)[0].square().sum().backward()
    optimizer.step()
    assert not torch.equal(copied(x)[0], y)
    assert torch.equal(layer(x)[0], y)


def test_weight_norm_is_torch_s():
    theirs = parametrizations.weight_norm(nn.Conv1d(4, 6, 3, groups=2))
    ours = Conv1d(4, 6, 3, groups=2, weight_norm=True)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 7, 4)
    torch.testing.assert_close(ours(x)[0], theirs(F.pad(x.transpose(1, 2), (2, 0))).transpose(1, 2))


def test_a_stepper_holds_the_weights_of_weight_norm():
    layer = Conv1d(3, 5, 3, weight_norm=True).eval()
    x = torch.randn(1, 6, 3)
    stepper = layer.stepper()
    assert type(stepper).__name__ == "ConvolutionStepper"
    y = torch.stack([stepper.step(x[:, t]) for t in range(6)], dim=1)
    torch.testing.assert_close(y, layer(x)[0])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: DepthwiseConv1d(3, 2, multiplier=0),
            "multiplier must be a whole number of at least 1, got 0.",
        ),
        (lambda: DepthwiseConv1d(0, 2), "input_size must be a whole number of at least 1, got 0."),
        (lambda: DepthwiseConv1d(3, 0), "kernel_size must be a whole number of at least 1, got 0."),
        (
            lambda: DepthwiseConv1d(3, 2, latency=2),
            "latency must be 0 to 1 steps, the window less one, got 2.",
        ),
        (
            lambda: PointwiseConv1d(3, 4, groups=2),
            "groups must divide input_size 3 and output_size 4, got 2.",
        ),
        (lambda: SeparableConv1d(3, 0, 2), "output_size must be a whole number of at least 1, got 0."),
        (lambda: SeparableConv1d(3, 4, 2, between=nn.ReLU()), "takes layers that run along time, got ReLU"),
        (
            lambda: SeparableConv1d(3, 4, 2, multiplier=2, between=GRU(3, 6)),
            "layer 1 of the chain (GRU) takes 3 features, the one before it gives 6. Make them equal.",
        ),
        (lambda: CentredConv1d(3, 5, 3, stride=0), "stride must be a whole number of at least 1, got 0."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()

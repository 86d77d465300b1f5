"""Normalisation against torch's, on the valid steps and nothing else.

Axes: B batch, T time steps, F frequencies, C features or channels, G groups.
"""

import re

import pytest
import torch
from torch import Tensor, nn

from layers.close import close, gradients
from ostinato.checks.subject import settles_in_train
from ostinato.core import valid_steps
from ostinato.errors import ConfigError, ShapeError, StreamingError
from ostinato.layers import (
    BatchNorm,
    Chain,
    CumulativeLayerNorm,
    Dense,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
)

LENGTHS = torch.tensor([7, 0, 1, 4])
BOTH = pytest.mark.parametrize("size", [(6,), (5, 6)], ids=["features", "frequencies"])


def as_size(size: tuple[int, ...]) -> int | tuple[int, ...]:
    return size if len(size) > 1 else size[0]


def normal(*shape: int) -> Tensor:
    return torch.randn(
        shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3)
    ).requires_grad_()


def with_weights(module: nn.Module) -> nn.Module:
    """In float64, with weights and biases that are not 1 and 0."""
    torch.manual_seed(0)
    module.double()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


def same_numbers(found: Tensor, expected: Tensor, ours: list[Tensor], theirs: list[Tensor]) -> None:
    """Values, and gradients for the inputs of each."""
    close(found, expected)
    for a, b in zip(gradients([found], ours), gradients([expected], theirs), strict=True):
        close(a, b)


def channel_first(x: Tensor) -> Tensor:
    """(B, C, T) or (B, C, T, F), copied, as torch's layers want it.

    In torch 2.13 gradients of nn.BatchNorm2d and nn.InstanceNorm2d are wrong where x lies channel-last in memory and
    the gradient that comes in does not, or the other way round.
    """
    return x.movedim(-1, 1).contiguous()


# the batch


def pair(size: tuple[int, ...], momentum: float = 0.1) -> tuple[BatchNorm, nn.Module]:
    ours = with_weights(BatchNorm(as_size(size), eps=1e-3, momentum=momentum))
    kind = nn.BatchNorm1d if len(size) == 1 else nn.BatchNorm2d
    theirs = kind(size[-1], eps=1e-3, momentum=momentum).double()
    theirs.load_state_dict(ours.norm.state_dict())
    return ours, theirs


def their_view(steps: Tensor) -> Tensor:
    """Valid steps (N, C), or (N, F, C) as images (N, C, F, 1)."""
    return steps if steps.dim() == 2 else steps.transpose(1, 2).contiguous()[..., None]


@BOTH
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_batch_statistics_are_those_of_the_valid_steps(lengths, size):
    ours, theirs = pair(size)
    x = normal(4, 7, *size)
    real = torch.ones(4, 7, dtype=torch.bool) if lengths is None else valid_steps(lengths, 7)
    for _ in range(3):
        y, expected = ours(x, None, lengths)[0], theirs(their_view(x[real]))
        close(their_view(y[real]), expected)
    assert not y[~real].any()
    for found, truth in zip(ours.norm.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(found, truth)
    inputs = [x, *ours.parameters()], [x, *theirs.parameters()]
    same_numbers(their_view(y[real]), expected, *inputs)
    ours.eval()
    theirs.eval()
    same_numbers(their_view(ours(x, None, lengths)[0][real]), theirs(their_view(x[real])), *inputs)


@BOTH
def test_padding_full_of_nan_spoils_no_statistics(size):
    ours, _ = pair(size)
    x = normal(4, 7, *size)
    padded = ~valid_steps(LENGTHS, 7).view(4, 7, *[1] * len(size))
    ours(x.masked_fill(padded, torch.nan), None, LENGTHS)
    assert ours.norm.running_mean.isfinite().all()
    assert ours.norm.running_var.isfinite().all()


@pytest.mark.parametrize(
    ("size", "steps", "lengths"),
    [(3, 5, torch.tensor([1, 0])), ((1, 3), 5, torch.tensor([0, 1])), (3, 1, None)],
)
def test_a_single_step_has_no_variance(size, steps, lengths):
    sentence = "BatchNorm cannot train on a single valid step. Use longer slices or more rows."
    x = torch.zeros(1 if lengths is None else 2, steps, *(size if isinstance(size, tuple) else (size,)))
    with pytest.raises(ShapeError, match=re.escape(sentence)):
        BatchNorm(size)(x, None, lengths)


def test_a_single_step_of_several_frequencies_has_one():
    layer, x = BatchNorm((4, 3)), torch.randn(1, 1, 4, 3)
    torch.testing.assert_close(layer(x)[0].mean(2), torch.zeros(1, 1, 3))


def test_no_step_leaves_the_statistics_alone():
    ours, _ = pair((3,))
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    y, _ = ours(torch.randn(2, 5, 3, dtype=torch.float64), None, torch.tensor([0, 0]))
    assert not y.any()
    assert ours(torch.randn(2, 0, 3, dtype=torch.float64))[0].shape == (2, 0, 3)
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


@BOTH
@pytest.mark.parametrize("train", [True, False])
def test_batch_norm_keeps_the_order_of_memory(size, train):
    """Channels first, as a convolution hands them on, or features last: nothing is re-ordered."""
    layer, x = BatchNorm(as_size(size)).train(train), torch.randn(2, 7, *size)
    assert layer(x)[0].is_contiguous()
    assert layer(channel_first(x).movedim(1, -1))[0].movedim(-1, 1).is_contiguous()


@pytest.mark.parametrize("strides", [(12, 4, 1, 1), (12, 1, 1, 3), (1, 4, 4, 1), (1, 1, 12, 3)])
@pytest.mark.parametrize("train", [True, False])
def test_batch_norm_where_an_axis_of_one_leaves_the_order_of_memory_open(train, strides):
    """There torch 2.13 takes one order for x and another for its gradient, if it is given four axes."""
    torch.manual_seed(0)
    x, incoming = torch.randn(2, 12, dtype=torch.float64)
    open_order = torch.as_strided(x, (1, 3, 1, 4), strides).requires_grad_()
    plain = open_order.detach().reshape(1, 3, 4).requires_grad_()
    layer, twin = with_weights(BatchNorm((1, 4))).train(train), with_weights(BatchNorm(4)).train(train)
    for order in ((12, 4, 4, 1), (12, 1, 3, 3)):
        weights = torch.as_strided(incoming, (1, 3, 1, 4), order)
        found = torch.autograd.grad(layer(open_order)[0], [open_order, *layer.parameters()], weights)
        expected = torch.autograd.grad(twin(plain)[0], [plain, *twin.parameters()], weights[:, :, 0])
        for ours, theirs in zip(found, expected, strict=True):
            close(ours.reshape(theirs.shape), theirs)


# a step


@pytest.mark.parametrize(("ours", "theirs"), [(LayerNorm, nn.LayerNorm), (RMSNorm, nn.RMSNorm)])
@pytest.mark.parametrize(
    ("size", "over", "shape"),
    [(3, "step", 3), ((4, 3), "step", (4, 3)), ((4, 3), "channels", 3), (3, "channels", 3)],
)
def test_step_by_step_as_torch(ours, theirs, size, over, shape):
    ours = with_weights(ours(size, eps=1e-2, over=over))
    theirs = theirs(shape, eps=1e-2).double()
    theirs.load_state_dict(ours.module.state_dict())
    x = normal(2, 7, *(size if isinstance(size, tuple) else (size,)))
    same_numbers(ours(x)[0], theirs(x), [x, *ours.parameters()], [x, *theirs.parameters()])


# groups


def groups(size: tuple[int, ...], number: int, over: str) -> tuple[GroupNorm, nn.GroupNorm]:
    ours = with_weights(GroupNorm(as_size(size), number, over=over, eps=1e-3))
    theirs = nn.GroupNorm(number, size[-1], eps=1e-3).double()
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@BOTH
@pytest.mark.parametrize("number", [1, 3])
def test_groups_of_a_step(size, number):
    ours, theirs = groups(size, number, "step")
    x = normal(2, 7, *size)
    found, expected = channel_first(ours(x)[0].flatten(0, 1)), theirs(channel_first(x.flatten(0, 1)))
    same_numbers(found, expected, [x, *ours.parameters()], [x, *theirs.parameters()])


@BOTH
@pytest.mark.parametrize("number", [1, 2, 6])
def test_groups_of_a_row(size, number):
    ours, theirs = groups(size, number, "sequence")
    x = normal(4, 7, *size)
    inputs = [x, *ours.parameters()], [x, *theirs.parameters()]
    same_numbers(channel_first(ours(x)[0]), theirs(channel_first(x)), *inputs)
    same_numbers(ours(x, None, torch.full((4,), 7))[0], ours(x)[0], inputs[0], inputs[0])


@BOTH
@pytest.mark.parametrize("number", [1, 3])
def test_rows_of_different_length_each_by_themselves(size, number):
    ours, theirs = groups(size, number, "sequence")
    x = normal(4, 7, *size)
    y, _ = ours(x, None, LENGTHS)
    rows = [y[row : row + 1, :length] for row, length in enumerate(LENGTHS.tolist()) if length]
    alone = [
        theirs(channel_first(x[row : row + 1, :length])).movedim(1, -1)
        for row, length in ((0, 7), (2, 1), (3, 4))
    ]
    found, expected = torch.cat(rows, dim=1), torch.cat(alone, dim=1)
    same_numbers(found, expected, [x, *ours.parameters()], [x, *theirs.parameters()])


@BOTH
@pytest.mark.parametrize("affine", [False, True])
def test_instances(size, affine):
    ours = with_weights(InstanceNorm(as_size(size), eps=1e-3, affine=affine))
    kind = nn.InstanceNorm1d if len(size) == 1 else nn.InstanceNorm2d
    theirs = kind(size[-1], eps=1e-3, affine=affine).double()
    theirs.load_state_dict(ours.state_dict())
    x = normal(3, 7, *size)
    inputs = [x, *ours.parameters()], [x, *theirs.parameters()]
    same_numbers(channel_first(ours(x)[0]), theirs(channel_first(x)), *inputs)
    y, _ = ours(x, None, torch.tensor([7, 3, 5]))
    for row, length in enumerate((7, 3, 5)):
        close(channel_first(y[row : row + 1, :length]), theirs(channel_first(x[row : row + 1, :length])))
    inputs[0][0], inputs[1][0] = (short := normal(2, 4, *size)), short
    same_numbers(
        channel_first(ours(short, None, torch.full((2,), 4))[0]), theirs(channel_first(short)), *inputs
    )


@pytest.mark.parametrize("lengths", [None, torch.tensor([1, 1])])
def test_an_instance_of_one_step_is_its_bias(lengths):
    layer = InstanceNorm(3, affine=True)
    nn.init.normal_(layer.bias)
    y, _ = layer(1e4 * torch.randn(2, 1, 3), None, lengths)
    assert torch.equal(y, layer.bias.expand(2, 1, 3))


# all


@pytest.mark.parametrize(
    "layer",
    [
        LayerNorm(3),
        RMSNorm(3),
        GroupNorm(6, 2),
        GroupNorm(6, 2, "sequence"),
        InstanceNorm(3, affine=True),
        CumulativeLayerNorm(3),
    ],
    ids=repr,
)
def test_only_batch_norm_is_another_in_train(layer):
    assert settles_in_train(layer)
    assert not settles_in_train(Chain(BatchNorm((4, 3))))
    x = torch.randn(2, 5, layer.input_size)
    assert torch.equal(layer.train()(x)[0], layer.eval()(x)[0])


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 3])])
@pytest.mark.parametrize(
    "make",
    [
        BatchNorm,
        LayerNorm,
        RMSNorm,
        lambda size: GroupNorm(size, 2),
        lambda size: GroupNorm(size, 2, "sequence"),
        InstanceNorm,
        CumulativeLayerNorm,
        lambda size: CumulativeLayerNorm(size, per="channel"),
    ],
)
def test_gradients_do_not_depend_on_how_memory_is_laid_out(make, lengths):
    """Of x and of the gradient that comes in: features last, or channels first as a convolution hands them on."""
    layer = with_weights(make((3, 4)))
    x, weights = normal(2, 5, 3, 4).detach(), normal(2, 5, 3, 4).detach()
    slopes = []
    for memory in (x, x.movedim(-1, 1).contiguous().movedim(1, -1)):
        for incoming in (weights, weights.movedim(-1, 1).contiguous().movedim(1, -1)):
            layout = memory.clone().requires_grad_()
            y, _ = layer(layout, None, lengths)
            slopes.append(torch.autograd.grad(y, [layout, *layer.parameters()], incoming))
    for others in slopes[1:]:
        for found, expected in zip(others, slopes[0], strict=True):
            close(found, expected)


@pytest.mark.parametrize("make", [lambda: GroupNorm(6, 2, "sequence"), lambda: InstanceNorm(6)])
def test_norms_of_a_row_need_all_of_it(make):
    with pytest.raises(StreamingError, match="Norm needs the whole sequence at once and takes no state"):
        make()(torch.zeros(2, 5, 6), (torch.zeros(2),))


def test_dense_is_torch_s_linear():
    ours, x = Dense(3, 5, bias=False), torch.randn(2, 7, 3)
    torch.testing.assert_close(ours(x)[0], x @ ours.module.weight.T)
    assert ours.module.bias is None


KINDS = [BatchNorm, LayerNorm, RMSNorm, InstanceNorm, CumulativeLayerNorm, lambda size: GroupNorm(size, 1)]


@pytest.mark.parametrize("make", [*KINDS, lambda size: Dense(size, 3)])
@pytest.mark.parametrize("size", [0, (0, 3), True])
def test_sizes_below_one(make, size):
    sentence = f"input_size must be a whole number of at least 1, got {size}."
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make(size)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: LayerNorm(3, over="time"), "over must be 'step' or 'channels', got 'time'."),
        (lambda: RMSNorm(3, over="time"), "over must be 'step' or 'channels', got 'time'."),
        (lambda: GroupNorm(6, 0), "groups must be a whole number of at least 1, got 0."),
        (lambda: GroupNorm((9, 6), 4), "groups must divide the 6 channels of input_size, got 4."),
        (lambda: GroupNorm(6, 2, "past"), "over must be 'step' or 'sequence', got 'past'."),
        (
            lambda: GroupNorm(6, 6),
            "6 groups leave a single number of each step, which has no variance. Use fewer groups, or "
            "over='sequence'.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()

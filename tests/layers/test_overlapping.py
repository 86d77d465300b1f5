"""What layers share that give several steps for one: each check against the sum written out step by step.

Axes: B batch, T time steps, C features, K steps that one step spreads over, S steps out for each step in.
"""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from layers.close import close, gradients
from ostinato.checks import check_layer
from ostinato.core import state_bytes
from ostinato.errors import ConfigError
from ostinato.layers.overlapping import Overlapping, OverlapState


class Spread(Overlapping):
    """y[S t + k] += shape[k] x[t], by a loop; all features alike."""

    def __init__(self, size, shape: Tensor, factor: int) -> None:
        super().__init__(size, size, len(shape), factor)
        self.shape = torch.nn.Parameter(shape)

    def spread(self, x):
        total = x.new_zeros(len(x), (x.shape[1] - 1) * self.factor + self.span, *x.shape[2:])
        parts = []
        for step in range(x.shape[1]):
            shape = self.shape.view(-1, *[1] * (x.dim() - 2))
            before, after = step * self.factor, total.shape[1] - step * self.factor - self.span
            part = x[:, step, None] * shape
            parts.append(torch.cat([total[:, :before], part, total[:, total.shape[1] - after :]], dim=1))
        return sum(parts)

    def finish(self, total):
        return total + 0.5


def all_at_once(x: Tensor, shape: Tensor, factor: int) -> Tensor:
    """The whole sum, (B, (T - 1) S + K, C)."""
    steps = (x.shape[1] - 1) * factor + len(shape)
    y = [torch.zeros_like(x[:, 0]) for _ in range(steps)]
    for step in range(x.shape[1]):
        for place, value in enumerate(shape):
            y[step * factor + place] = y[step * factor + place] + value * x[:, step]
    return torch.stack(y, dim=1)


sizes = st.integers(1, 4).flatmap(lambda factor: st.tuples(st.integers(factor, 9), st.just(factor)))


@settings(deadline=None, max_examples=40)
@given(sizes, st.lists(st.integers(0, 4), min_size=1, max_size=5), st.booleans())
def test_chunks_add_up_to_the_whole_sum(size, pieces, channels):
    span, factor = size
    torch.manual_seed(span)
    axes = (3, 2) if channels else 2
    layer = Spread(axes, torch.randn(span, dtype=torch.float64), factor)
    x = torch.randn(2, sum(pieces), *((3, 2) if channels else (2,)), dtype=torch.float64, requires_grad=True)
    outputs, state = [], None
    for chunk in x.split(pieces, dim=1):
        y, state = layer(chunk, state)
        outputs.append(y)
    y = torch.cat(outputs, dim=1)
    assert y.shape[1] == factor * x.shape[1]
    assert state.owed.shape[1] == span - factor
    if x.shape[1] == 0:
        assert not state.owed.any()
        return
    whole = all_at_once(x, layer.shape, factor)
    close(y, whole[:, : y.shape[1]] + 0.5)
    close(state.owed, whole[:, y.shape[1] :])
    inputs = [x, layer.shape]
    expected = gradients([whole[:, : y.shape[1]], whole[:, y.shape[1] :]], inputs)
    for found, truth in zip(gradients([y, state.owed], inputs), expected, strict=True):
        close(found, truth)


@settings(deadline=None, max_examples=25)
@given(sizes, st.integers(1, 5))
def test_a_row_that_ends_owes_what_it_would_alone(size, steps):
    span, factor = size
    torch.manual_seed(span)
    layer = Spread(2, torch.randn(span, dtype=torch.float64), factor)
    x = torch.randn(steps + 1, 2 * steps, 2, dtype=torch.float64)
    _, state = layer(x[:, :steps])
    lengths = torch.arange(steps + 1)
    y, after = layer(x[:, steps:], state, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, end = layer(x[row : row + 1, steps : steps + length], OverlapState(state.owed[row : row + 1]))
        close(y[row : row + 1, : length * factor], alone)
        assert not y[row, length * factor :].any()
        close(after.owed[row : row + 1], end.owed)


def test_what_is_owed_is_its_own_memory():
    """A view would keep the whole chunk alive, or be changed with it."""
    for span in (2, 5, 40):
        layer = Spread(3, torch.randn(span), 2)
        for lengths in (None, torch.tensor([9, 4])):
            _, state = layer(torch.randn(2, 9, 3), None, lengths)
            assert state_bytes(state) == 2 * (span - 2) * 3 * 4


def test_what_comes_out_is_in_channel_first_memory():
    layer = Spread(3, torch.randn(5), 2)
    x = torch.randn(2, 3, 9).transpose(1, 2)
    assert layer(x)[0].transpose(1, 2).is_contiguous()


def test_it_keeps_the_contract():
    for size in (3, (3, 2)):
        check_layer(Spread(size, torch.randn(7), 3))


def test_how_far_back_each_step_of_a_block_hears():
    layer = Spread(1, torch.randn(8), 3)  # places 0, 3, 6 and 1, 4, 7 and 2, 5
    assert [layer.oldest(step) for step in range(9, 12)] == [1, 1, 2]
    assert (layer.receptive_field, str(layer.stride)) == (3, "1/3")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: Spread(3, torch.randn(2), 3),
            "each step must spread over at least 3 steps, as many as come out for it, got 2",
        ),
        (lambda: Spread(3, torch.randn(2), 0), "factor must be a whole number of at least 1, got 0."),
        (lambda: Spread(0, torch.randn(2), 1), "input_size must be a whole number of at least 1, got 0."),
        (lambda: Spread(3, torch.randn(8), 3)._set_latency(2), "latency must be 0 to 1 steps"),
        (lambda: Spread(3, torch.randn(8), 3)._set_latency(-1), "got -1."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()

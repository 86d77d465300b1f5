"""Steppers as a user meets them: what they refuse, what they own, and how their state goes in and out."""

from fractions import Fraction

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from ostinato.core import SequenceLayer, Stepper, leaves, named_leaves, state_from_leaves
from ostinato.errors import ShapeError, StateError, StreamingError
from ostinato.layers import (
    GRU,
    LSTM,
    Chain,
    Conv1d,
    Delay,
    Dense,
    LayerNorm,
    MaxPool1d,
    Pointwise,
    TradeFeatures,
)


class Decayed(SequenceLayer):
    """A layer of somebody's own, which names no stepper."""

    input_size = output_size = 3
    receptive_field = float("inf")

    def initial_state(self, batch, dtype=None, device=None):
        return (torch.zeros(batch, 3, dtype=dtype, device=device),)

    def run(self, x, state, lengths):
        outputs = [state[0]]
        for step in x.unbind(1):
            outputs.append(0.5 * outputs[-1] + step)
        return torch.stack(outputs[1:], 1), (outputs[-1],)


def layers() -> list[SequenceLayer]:
    torch.manual_seed(0)
    made = [LSTM(3, 4, 2), Decayed(), Chain(Conv1d(3, 4, 3), GRU(4, 2)), Chain(LayerNorm(3), MaxPool1d(3, 2))]
    return [layer.eval() for layer in made]


@pytest.mark.parametrize("layer", layers(), ids=lambda layer: type(layer).__name__)
def test_chunks_steps_and_snapshots_interchange(layer):
    x = torch.randn(2, 9, 3)
    whole, end = layer(x)
    first, state = layer(x[:, :4])
    stepper = layer.stepper(2, state)
    middle = [stepper.step(x[:, place]) for place in (4, 5)]
    tensors = load(save(named_leaves(stepper.state)))
    stepper = layer.stepper(2)
    stepper.restore(state_from_leaves(layer.initial_state(2), tensors))
    middle.append(stepper.step(x[:, 6]))
    last, state = layer(x[:, 7:], stepper.state)
    found = torch.cat([first, *(y[:, None] for y in middle if y is not None), last], 1)
    torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-6)
    for leaf, other in zip(leaves(state), leaves(end), strict=True):
        torch.testing.assert_close(leaf, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer", layers(), ids=lambda layer: type(layer).__name__)
def test_the_state_is_a_value(layer):
    stepper = layer.stepper(2)
    x = torch.randn(2, 3)
    stepper.step(x)
    exported = stepper.state
    before = [leaf.clone() for leaf in leaves(exported)]
    stepper.step(x)
    assert all(torch.equal(a, b) for a, b in zip(leaves(exported), before, strict=True))
    stepper.restore(exported)
    for leaf in leaves(exported):
        leaf.fill_(7.0)
    assert all(torch.equal(a, b) for a, b in zip(leaves(stepper.state), before, strict=True))
    stepper.reset()
    fresh = leaves(layer.initial_state(2))
    assert all(torch.equal(a, b) for a, b in zip(leaves(stepper.state), fresh, strict=True))


@pytest.mark.parametrize("layer", [Pointwise(nn.GELU(), 37, 37), Chain(Pointwise(nn.GELU()), LSTM(37, 9))])
def test_where_x_lies_in_memory_changes_no_bit(layer):
    """torch's GELU rounds another way where its input is strided."""
    room, values, expected = torch.empty(200), torch.linspace(-1, 1, 37), None
    for offset in range(9):
        for stride in (1, 2, 3):
            x = room[offset : offset + 37 * stride : stride].copy_(values)[None]
            y = layer.eval().stepper().step(x)
            expected = y if expected is None else expected
            assert torch.equal(y, expected)


def test_a_strided_layer_gives_nothing_between():
    stepper = MaxPool1d(2, 3).eval().stepper()
    given = [stepper.step(torch.full((1, 2), float(place))) for place in range(7)]
    assert [None if y is None else y.tolist() for y in given] == [
        None,
        None,
        [[2.0, 2.0]],
        None,
        None,
        [[5.0, 5.0]],
        None,
    ]


def test_weights_are_those_of_the_moment():
    layer = Dense(3, 2).eval()
    stepper, x = layer.stepper(), torch.randn(1, 3)
    before = stepper.step(x)
    with torch.no_grad():
        layer.module.weight.zero_()
    assert torch.equal(stepper.step(x), before)
    assert not torch.equal(layer.stepper().step(x), before)


def test_a_subclass_does_not_step_as_its_parent():
    class Loud(LSTM):
        def run(self, x, state, lengths):
            y, after = super().run(x, state, lengths)
            return 2 * y, after

    layer, x = Loud(3, 4).eval(), torch.randn(1, 3)
    assert type(layer.stepper()) is Stepper
    assert torch.equal(layer.stepper().step(x), layer(x[:, None])[0][:, 0])


def test_outputs_and_states_are_plain_tensors():
    """Neither of inference mode nor with a history, so that anything may be done with them."""
    for layer in layers():
        stepper = layer.stepper()
        outputs = [stepper.step(torch.randn(1, 3).requires_grad_()) for _ in range(2)]
        for value in [*(y for y in outputs if y is not None), *leaves(stepper.state)]:
            assert not value.is_inference()
            assert not value.requires_grad


def test_steps_run_in_inference_mode_too():
    layer, x = GRU(3, 4).eval(), torch.randn(1, 3)
    with torch.inference_mode():
        found = layer.stepper().step(x)
    assert torch.equal(found, layer.stepper().step(x))


def test_bfloat16_steps_as_the_layer_does():
    layer = GRU(3, 4).eval().bfloat16()
    stepper, x = layer.stepper(), torch.randn(1, 3).bfloat16()
    assert type(stepper) is Stepper
    assert torch.equal(stepper.step(x), layer(x[:, None])[0][:, 0])


def test_what_cannot_step_says_so():
    with pytest.raises(
        StreamingError, match="LSTM needs the whole sequence at once, so it has no single steps"
    ):
        LSTM(3, 4, bidirectional=True).eval().stepper()
    with pytest.raises(StreamingError, match=r"GRU is in train\(\).*Call eval\(\) before stepper\(\)\."):
        GRU(3, 4).stepper()
    chain = Chain(GRU(3, 4), Dense(4, 1)).eval()
    chain.layers[1].module.train()
    with pytest.raises(StreamingError, match=r"Chain is in train\(\)"):
        chain.stepper()
    doubling = Decayed().eval()
    doubling.stride = Fraction(1, 2)
    with pytest.raises(StreamingError, match=r"Decayed gives several outputs for one step \(stride 1/2"):
        doubling.stepper()


def test_a_layer_without_weights_steps_where_it_is_told_to():
    stepper = Delay(3, 2).eval().stepper(device="meta")
    assert stepper.step(torch.zeros(1, 3, device="meta")).device.type == "meta"
    assert {leaf.device.type for leaf in leaves(stepper.state)} == {"meta"}
    with pytest.raises(ShapeError, match=r"a step wants \(1, 3\) torch.float32 on meta, got .* on cpu"):
        stepper.step(torch.zeros(1, 3))


@pytest.mark.parametrize("layer", [GRU(3, 4), Delay(3, 2)], ids=["GRU", "Delay"])
def test_what_is_no_device_is_refused(layer):
    for device in ("gpu", "hpu", 3.5):
        with pytest.raises(ShapeError, match="device must be one that torch has here, such as 'cpu', got "):
            layer.eval().stepper(device=device)


def test_weights_elsewhere_are_refused():
    with pytest.raises(ShapeError, match="steps on meta were requested, but the weights of GRU are on cpu"):
        GRU(3, 4).eval().stepper(device="meta")


def test_a_state_tells_the_device_where_there_are_no_weights():
    layer = Delay(3, 2).eval()
    assert layer.stepper(1, layer.initial_state(1, device="meta")).device.type == "meta"


@pytest.mark.parametrize("batch", [0, -1, 1.5, True, None])
def test_a_batch_is_a_number_of_rows(batch):
    with pytest.raises(ShapeError, match="batch must be a whole number of at least 1"):
        GRU(3, 4).eval().stepper(batch)


@pytest.mark.parametrize("layer", layers(), ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize(
    "x",
    [torch.zeros(3), torch.zeros(1, 2), torch.zeros(2, 3), torch.zeros(1, 1, 3), torch.zeros(1, 3).double()],
)
def test_another_x_is_refused(layer, x):
    stepper = layer.stepper()
    with pytest.raises(ShapeError, match=r"a step wants \(1, 3\) torch.float32 on cpu, got"):
        stepper.step(x)


def test_raw_columns_are_float64_by_themselves():
    stepper = Chain(TradeFeatures((4,)), GRU(7, 2)).eval().stepper()
    assert stepper.step(torch.ones(1, 3, dtype=torch.float64)).dtype == torch.float32
    with pytest.raises(ShapeError, match=r"a step wants \(1, 3\) torch.float64"):
        stepper.step(torch.ones(1, 3))


def test_another_layers_state_is_refused_and_nothing_is_taken():
    layer = Chain(Conv1d(3, 4, 3), GRU(4, 2)).eval()
    stepper = layer.stepper()
    stepper.step(torch.randn(1, 3))
    before = list(leaves(stepper.state))
    other = LSTM(4, 2).initial_state(1)
    for wrong in [(stepper.state[0], other), layer.initial_state(2), other, None, ()]:
        with pytest.raises(StateError):
            stepper.restore(wrong)
    fresh = layer.initial_state(1)
    with pytest.raises(StateError):
        stepper.restore((fresh[0], other))
    assert all(torch.equal(a, b) for a, b in zip(leaves(stepper.state), before, strict=True))
    with pytest.raises(StateError, match="state is for 1 rows, x has 2"):
        layer.stepper(2, stepper.state)

"""Which stepper a layer gets: that of its class, of a parent that it computes like, or the one that calls ``run``."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from ostinato.core import SequenceLayer, Stepper, register_stepper
from ostinato.core.stepper_registry import registered_steppers
from ostinato.layers import GRU, LSTM, Chain, Conv1d, Dense, Pointwise, Repeat, SeparableConv1d
from ostinato.layers.steppers.combined import ChainStepper
from ostinato.layers.steppers.recurrent import GRUStepper, LSTMStepper
from ostinato.layers.steppers.sliding import ConvolutionStepper


class Built(LSTM):
    """Only its constructor differs."""

    def __init__(self, size):
        super().__init__(size, 2 * size)


class Helped(Built):
    """With a method of its own, which nothing of the parent calls."""

    def summary(self):
        return f"{self.input_size} to {self.hidden_size}"


class Loud(LSTM):
    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        return 2 * y, after


class LoudChild(Loud):
    """Only its constructor differs, but its parent's run is not an LSTM's."""

    def __init__(self):
        super().__init__(3, 4)


class RunsTwice:
    """A class beside the layers."""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        return 2 * y, after


class Mixed(RunsTwice, LSTM):
    pass


class Hidden(LSTM):
    """A property in front of what the parent's constructor sets."""

    @property
    def hidden_size(self):
        return self._size

    @hidden_size.setter
    def hidden_size(self, size):
        self._size = size


class Constant(LSTM):
    gates = ("input", "forget", "candidate", "output")


class Begun(LSTM):
    def initial_state(self, batch, dtype=None, device=None):
        state = super().initial_state(batch, dtype, device)
        return state._replace(hidden=state.hidden + 1)


def test_a_subclass_that_computes_alike_has_its_parent_s_stepper():
    assert type(Built(3).eval().stepper()) is LSTMStepper
    assert type(Helped(3).eval().stepper()) is LSTMStepper
    assert type(SeparableConv1d(3, 4, 2).eval().stepper()) is ChainStepper
    assert type(Repeat(Dense(3, 3), 2).eval().stepper()) is ChainStepper


@pytest.mark.parametrize("kind", [Loud, Mixed, Hidden, Constant, Begun], ids=lambda kind: kind.__name__)
def test_a_subclass_that_may_compute_otherwise_has_not(kind):
    layer, x = kind(3, 4).eval(), torch.randn(1, 3)
    assert type(layer.stepper()) is Stepper
    torch.testing.assert_close(layer.stepper().step(x), layer(x[:, None])[0][:, 0].detach())


def test_nor_has_a_subclass_of_that_one():
    layer, x = LoudChild().eval(), torch.randn(1, 3)
    assert type(layer.stepper()) is Stepper
    torch.testing.assert_close(layer.stepper().step(x), layer(x[:, None])[0][:, 0].detach())


def test_a_class_beside_is_looked_through_too():
    """What follows the registered class in the order of resolution may still stand before what that one inherits."""

    class Between(LSTM.__mro__[1]):
        def _run(self, x, state, lengths, seen):
            y, after = super()._run(x, state, lengths, seen)
            return 2 * y, after

    class Both(LSTM, Between):
        pass

    layer, x = Both(3, 4).eval(), torch.randn(1, 3)
    assert Both.__mro__.index(Between) > Both.__mro__.index(LSTM)
    assert type(layer.stepper()) is Stepper
    torch.testing.assert_close(layer.stepper().step(x), layer(x[:, None])[0][:, 0].detach())


def test_a_parametrised_weight_leaves_a_layer_its_stepper():
    layer = Conv1d(3, 4, 2)
    weight_norm(layer)
    assert type(layer).__name__ == "ParametrizedConv1d"
    assert type(layer.eval().stepper()) is ConvolutionStepper


class Halved(SequenceLayer):
    """A layer of a user's own."""

    input_size = output_size = 3

    def run(self, x, state, lengths):
        return x / 2, state


@register_stepper(Halved)
class HalvedStepper(Stepper):
    """The slow one, for anything."""


@register_stepper(Halved)
class FastHalvedStepper(Stepper):
    """Asked first, because it came last."""

    @classmethod
    def refuses(cls, layer, dtype, device):
        return None if dtype == torch.float32 else "float32 only"


def test_the_last_registered_is_asked_first_and_may_refuse():
    layer = Halved().eval()
    assert registered_steppers(Halved) == [FastHalvedStepper, HalvedStepper]
    assert type(layer.stepper()) is FastHalvedStepper
    assert type(layer.stepper(dtype=torch.float64)) is HalvedStepper


def test_where_all_refuse_run_is_called():
    stepper = GRU(3, 4).eval().bfloat16().stepper()
    assert type(stepper) is Stepper
    assert type(Chain(Pointwise(nn.GELU(), 3, 3), GRU(3, 4)).eval().stepper().parts[0]) is Stepper


@pytest.mark.parametrize("layer", [Built(3), Loud(3, 4), Halved()], ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_are_of_the_same_kind(layer, copied):
    stepper, x = layer.eval().stepper(), torch.randn(2, 1, 3)
    stepper.step(x[0])
    twin = copied(stepper)
    assert type(twin) is type(stepper)
    assert torch.equal(twin.step(x[1]), stepper.step(x[1]))


def test_every_kind_of_its_own_is_registered_for_a_layer():
    assert registered_steppers(GRU) == [GRUStepper]
    assert registered_steppers(SequenceLayer) == []

"""A loss that is not a number stops the training with a sentence that says where it began."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from ostinato.core import SequenceLayer
from ostinato.errors import NonFiniteError
from ostinato.layers import LSTM, Chain, Dense, Pointwise
from ostinato.runs.folder import RunFolder
from ostinato.runs.reading import read_lines
from ostinato.runs.tensors import read_tensors
from training.problem import make_net, make_steps, make_trainer, squared, validation_loss, weights_of


def with_nan(at, feature, value=math.nan):
    steps = make_steps()
    x = steps.x.clone()
    x[at, feature] = value
    return replace(steps, x=x)


class From(nn.Module):
    """Gives ``value`` from its n-th call on in training, and x before and in eval()."""

    def __init__(self, calls, value=math.inf):
        super().__init__()
        self.calls, self.value = calls, value

    def forward(self, x):
        self.calls -= self.training
        return x if self.calls >= 0 or not self.training else x * self.value


def failing_objective(updates):
    """The square, and NaN after so many updates."""
    calls = iter(range(10**6))
    return lambda y, target: squared(y, target) * (1.0 if next(calls) < updates else math.nan)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_in_the_input_of_streams(value):
    trainer = make_trainer(steps=with_nan(77, 2, value), jitter=False)
    words = (
        "is not finite at update 2, epoch 1: the input is not finite: feature 2 at step 5 of row 2, "
        "step 77 of the training data"
    )
    with pytest.raises(NonFiniteError, match=words):
        trainer.run()


def test_in_the_input_of_windows():
    trainer = make_trainer(steps=with_nan(77, 1), sampler="windows", windows=128, window=6)
    words = r"feature 1 at step \d of row \d+, step 77 of the training data"
    with pytest.raises(NonFiniteError, match=words):
        trainer.run()


def test_in_the_input_of_padded_slices():
    """The step is that of the data, though the streams are ragged."""
    steps = with_nan(70, 0)
    starts = torch.zeros(128, dtype=torch.bool)
    starts[[3, 41, 66]] = True
    with pytest.raises(NonFiniteError, match="step 70 of the training data"):
        make_trainer(steps=replace(steps, starts=starts)).run()


def test_exploding_weights():
    trainer = make_trainer(learning_rate=1e38, objective=lambda y, target: 1e6 * squared(y, target))
    words = r"at update 2, epoch 1: the weights memory.weight_ih_l0 are not finite: the update before made them so"
    with pytest.raises(NonFiniteError, match=words):
        trainer.run()


def test_weights_are_still_finite_when_the_loss_is_not():
    """The bad gradient must not reach the weights, or they would be blamed for what came before them."""
    net = make_net()
    with pytest.raises(NonFiniteError):
        make_trainer(net=net, steps=with_nan(77, 2)).run()
    assert weights_of(net).isfinite().all()


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW", "LBFGS"])
def test_a_layer(optimizer):
    net = Chain(memory=LSTM(3, 5), broken=Pointwise(From(6)), head=Dense(5, 1))
    words = r"the first layer whose output is not finite is broken\.module \(From\)\. Lower learning_rate"
    with pytest.raises(NonFiniteError, match=words):
        make_trainer(net=net, optimizer=optimizer).run()


def test_a_layer_in_windows():
    net = Chain(memory=LSTM(3, 5), broken=Pointwise(From(2)), head=Dense(5, 1))
    with pytest.raises(
        NonFiniteError, match=r"at update 3, epoch 1: the first layer .* is broken\.module \(From\)"
    ):
        make_trainer(net=net, sampler="windows", windows=16).run()


def test_the_carried_state():
    class Forgetful(SequenceLayer):
        """Its state becomes NaN, its output does not."""

        input_size, output_size, receptive_field = 3, 1, math.inf

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3, 1))

        def initial_state(self, batch, dtype=None, device=None):
            return (torch.zeros(batch, 1),)

        def run(self, x, state, lengths):
            return x @ self.weight + state[0][:, None], (state[0] * math.nan,)

    with pytest.raises(NonFiniteError, match="at update 2, epoch 1: the carried state 0 holds NaN"):
        make_trainer(net=Forgetful()).run()


def test_the_loss_function():
    with pytest.raises(
        NonFiniteError, match="at update 4, epoch 1: every layer's output is finite, so the loss"
    ):
        make_trainer(objective=failing_objective(3), jitter=False).run()


def test_padding_is_not_blamed():
    """An augmentation may leave anything there."""
    trainer = make_trainer(objective=failing_objective(0), steps=make_steps(126), streams=4, update_every=32)

    def spoil_padding(x):
        padded = (x == 0).all(2, keepdim=True)
        return x.masked_fill(padded, math.nan)

    trainer.augment = spoil_padding
    *_, ragged = trainer.state.sampler.epoch(0)
    assert ragged.lengths is not None
    with pytest.raises(NonFiniteError, match="every layer's output is finite, so the loss function made it"):
        trainer._update(ragged)


def test_the_gradient_alone():
    def root(y, target):
        return (y[..., 0] * 0).sqrt()  # 0, with an infinite slope

    net = make_net()
    words = (
        r"the gradient is not finite at update 1, epoch 1: that of memory\.weight_ih_l0, though the loss is\."
    )
    with pytest.raises(NonFiniteError, match=words):
        make_trainer(net=net, objective=root).run()
    assert weights_of(net).isfinite().all()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_validation_loss(value):
    with pytest.raises(
        NonFiniteError, match=f"the validation loss is {value} after epoch 1: Lower learning_rate"
    ):
        make_trainer(validate=lambda layer: value).run()


def test_the_validation_loss_of_exploded_weights_names_them():
    trainer = make_trainer(
        learning_rate=1e38,
        objective=lambda y, target: 1e6 * squared(y, target),
        streams=1,
        update_every=None,
    )
    with pytest.raises(
        NonFiniteError, match=r"the validation loss is nan after epoch 1: the weights memory\."
    ):
        trainer.run()


@pytest.mark.parametrize("fault", ["objective", "validation", "layer"])
def test_what_was_best_so_far_is_in_the_folder(tmp_path, fault):
    seen = []

    def validate(layer):
        seen.append({name: value.clone() for name, value in layer.state_dict().items()})
        return math.nan if fault == "validation" and len(seen) == 3 else validation_loss(layer)

    broken = Pointwise(From(14 if fault == "layer" else 10**6))
    net = Chain(memory=LSTM(3, 5), broken=broken, head=Dense(5, 1))
    objective = failing_objective(14 if fault == "objective" else 10**6)
    with pytest.raises(NonFiniteError):
        make_trainer(tmp_path, net=net, validate=validate, objective=objective, epochs=9).run()
    run = RunFolder(tmp_path)
    lines = read_lines(run.log)
    best = min(range(len(lines)), key=lambda place: lines[place]["validation_loss"])
    kept = read_tensors(run.weights, finite=True)[0]
    assert len(lines) >= 2
    assert {name: value.tolist() for name, value in kept.items()} == {
        name: value.tolist() for name, value in seen[best].items()
    }

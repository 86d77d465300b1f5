"""Which steps a gradient reaches: against loops written by hand, one row and one step at a time."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from ostinato.core import leaves, take_rows
from ostinato.errors import ConfigError
from ostinato.layers import GRU, LSTM, RNN, AdaptiveAvgPool1d, Chain, Dense
from ostinato.training import TrainingConfig
from ostinato.training.truncation import Truncation
from training.problem import improving, make_net, make_steps, make_trainer, weights_of

RATE = 0.1


def small_net(bidirectional=False):
    torch.manual_seed(3)
    width = 8 if bidirectional else 4
    return Chain(memory=RNN(3, 4, bidirectional=bidirectional), head=Dense(width, 1)).double()


def by_hand(net, steps, epochs, older=0, tail=None, carry=True):
    """The weights after BPTT over ``epochs``, lists of slices.

    Every stream keeps a list of (state before, rows, whether a sequence begins) of its last slices.
    """
    weights = [parameter.detach().clone().requires_grad_() for parameter in net.parameters()]
    w, u, b, c, head, bias = weights
    blank = torch.zeros(4, dtype=w.dtype)

    def cell(row, h):
        return torch.tanh(w @ steps.x[row] + b + u @ h + c)

    for slices in epochs:
        streams = len(slices[0].rows)
        present, memory = [blank] * streams, [[] for _ in range(streams)]
        for piece in slices:
            total, counted = 0.0, 0.0
            for stream in range(streams):
                rows = [row for row in piece.rows[stream].tolist() if row >= 0]
                fresh = not carry or (piece.reset is not None and bool(piece.reset[stream]))
                before = memory[stream][-older:] if older else []
                h = before[0][0] if before else present[stream]
                for _, earlier, began in before:
                    h = blank if began else h
                    for row in earlier:
                        h = cell(row, h)
                h = blank if fresh else h
                skipped = 0 if tail is None else max(piece.rows.shape[1] - tail, 0)
                for place, row in enumerate(rows):
                    with torch.no_grad() if place < skipped else nullcontext():
                        h = cell(row, h)
                    if place >= skipped and steps.weight[row] > 0:
                        total = total + steps.weight[row] * (head[0] @ h + bias[0] - steps.target[row]) ** 2
                        counted += float(steps.weight[row])
                memory[stream].append((present[stream], rows, fresh))
                present[stream] = h.detach()
            if not counted:
                continue
            gradients = torch.autograd.grad(total / counted, weights)
            with torch.no_grad():
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight -= RATE * gradient
    return torch.cat([weight.detach().flatten() for weight in weights])


CASES = {
    "full": {"update_every": None},
    "k1=k2": {"update_every": 6},
    "k2=2 k1": {"update_every": 4, "gradient_steps": 8},
    "k2=3 k1": {"update_every": 5, "gradient_steps": 15},
    "k2<k1": {"update_every": 7, "gradient_steps": 3},
    "one step": {"update_every": 1},
    "stateless": {"update_every": 6, "carry_state": False},
    "stateless k2<k1": {"update_every": 6, "gradient_steps": 2, "carry_state": False},
}


@pytest.mark.parametrize("starts", [(), (1, 17, 18, 40, 53)], ids=["one sequence", "resets"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_training_equals_the_loop_by_hand(case, starts):
    steps, net = make_steps(61, starts, torch.float64), small_net()
    weight = torch.rand(61, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    steps = replace(steps, weight=weight.where(weight > 0.2, 0.0))
    trainer = make_trainer(
        net=net, steps=steps, validate=improving(), streams=3, epochs=2, learning_rate=RATE, **case
    )
    epochs = [list(trainer.state.sampler.epoch(number)) for number in range(2)]
    every, back = case.get("update_every"), case.get("gradient_steps")
    expected = by_hand(
        net,
        steps,
        epochs,
        older=back // every - 1 if back and back > every else 0,
        tail=back if back and back < every else None,
        carry=case.get("carry_state", True),
    )
    trainer.run()
    torch.testing.assert_close(weights_of(net), expected, rtol=1e-10, atol=1e-12)


def test_full_bptt_has_the_gradient_of_plain_autograd():
    steps, net = make_steps(50, dtype=torch.float64), small_net()
    y, _ = net(steps.x[None])
    ((y[0, :, 0] - steps.target) ** 2).mean().backward()
    expected = [parameter.grad for parameter in net.parameters()]
    trainer = make_trainer(net=net, steps=steps, streams=1, update_every=None)
    (piece,) = trainer.state.sampler.epoch(0)
    trainer._loss(piece)
    for parameter, gradient in zip(net.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-10, atol=1e-14)


def reached(truncation, net, pieces):
    """Of how many steps of x the newest loss has a gradient."""
    for piece in pieces[:-1]:
        *_, state = truncation.forward(net, piece)
        truncation.keep(piece, state)
    x = [piece.x.requires_grad_() for piece in pieces]
    y, *_ = truncation.forward(net, pieces[-1])
    gradients = torch.autograd.grad(y[:, -1].sum(), x, allow_unused=True)
    return sum(int((g != 0).any(2).any(0).sum()) for g in gradients if g is not None)


@pytest.mark.parametrize(("back", "reach"), [(None, 4), (4, 4), (8, 8), (12, 12), (3, 3), (1, 1)])
def test_the_gradient_goes_back_k2_steps_and_no_further(back, reach):
    sampler = make_trainer(steps=make_steps(64), streams=2, update_every=4, jitter=False).state.sampler
    assert reached(Truncation(4, back), make_net(), list(sampler.epoch(0))) == reach


def test_a_reset_restarts_only_the_rows_concerned():
    net, steps = make_net(), make_steps(64, starts=(40,))  # stream 1 of 32 steps, at its step 8
    pieces = list(make_trainer(steps=steps, streams=2, update_every=8, jitter=False).state.sampler.epoch(0))
    truncation = Truncation(8, None)
    *_, state = truncation.forward(net, pieces[0])
    truncation.keep(pieces[0], state)
    assert pieces[1].reset.tolist() == [False, True]
    y, *_ = truncation.forward(net, pieces[1])
    carried, _ = net(pieces[1].x[:1], take_rows(state, [0]))
    anew, _ = net(pieces[1].x[1:], None)
    torch.testing.assert_close(y, torch.cat([carried, anew]))


def test_asking_twice_gives_the_same():
    sampler = make_trainer(streams=2, update_every=4, jitter=False).state.sampler
    truncation, net = Truncation(4, 12), make_net()
    for piece in sampler.epoch(0):
        first, second = truncation.forward(net, piece), truncation.forward(net, piece)
        assert torch.equal(first[0], second[0])
        truncation.keep(piece, first[-1])


def test_the_carried_state_has_no_history():
    sampler = make_trainer(streams=2, update_every=4).state.sampler
    *_, state = Truncation(4, 8).forward(make_net(), next(iter(sampler.epoch(0))))
    assert not any(leaf.requires_grad for leaf in leaves(state))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"update_every": 4, "gradient_steps": 6}, "multiple of update_every 4 or less than it, got 6"),
        ({"update_every": None, "gradient_steps": 6}, "gradient_steps needs update_every"),
        ({"update_every": 4, "gradient_steps": 8, "carry_state": False}, "which needs carry_state"),
        ({"update_every": 0}, "greater than or equal to 1"),
    ],
)
def test_lengths_that_do_not_go_together_are_refused(fields, words):
    with pytest.raises(ValidationError, match=words):
        TrainingConfig(**fields)


def test_a_bidirectional_model_is_refused_with_carried_state():
    with pytest.raises(
        ConfigError, match="Chain needs whole sequences, so no state can go from slice to slice"
    ):
        make_trainer(net=small_net(bidirectional=True))


@pytest.mark.parametrize(
    "fields", [{"update_every": None}, {"carry_state": False}, {"sampler": "windows"}], ids=str
)
def test_a_bidirectional_model_trains_on_whole_sequences(fields):
    torch.manual_seed(0)
    net = Chain(memory=LSTM(3, 4, bidirectional=True), head=Dense(8, 1))
    steps = make_steps(64, starts=(20, 50))
    finished = make_trainer(net=net, steps=steps, **fields).run()
    assert finished.best_loss < 1


def test_no_two_ways_to_truncate_give_the_same_weights():
    """So the loop by hand can tell them apart."""
    steps, ends = make_steps(61, dtype=torch.float64), []
    for case in CASES.values():
        net = small_net()
        make_trainer(net=net, steps=steps, validate=improving(), streams=3, **case).run()
        ends.append(weights_of(net))
    assert len({tuple(end.tolist()) for end in ends}) == len(CASES)


def test_a_model_that_gives_few_outputs_of_all_steps_is_refused_on_streams():
    net = Chain(AdaptiveAvgPool1d(3, 1), Dense(3, 1))
    with pytest.raises(ConfigError, match="fixed number of outputs, 1, and each step has a target"):
        make_trainer(net=net, carry_state=False)


def test_one_output_for_a_window_is_its_last():
    net = Chain(AdaptiveAvgPool1d(3, 1), Dense(3, 1))
    trainer = make_trainer(net=net, sampler="windows", validate=improving(), carry_state=False, epochs=1)
    before = weights_of(net)
    trainer.run()
    assert not weights_of(net).equal(before)


def locked_net():
    torch.manual_seed(4)
    return Chain(memory=GRU(3, 8, input_dropout=0.5, state_dropout=0.5), head=Dense(8, 1))


@pytest.mark.parametrize("gradient_steps", [6, 12, 1])
def test_masks_of_a_sequence_are_the_same_when_its_slices_are_run_again(gradient_steps):
    net = locked_net().train()
    pieces = list(
        make_trainer(steps=make_steps(61, (17, 40)), streams=2, update_every=3).state.sampler.epoch(0)
    )
    assert any(piece.reset is not None and not piece.reset.all() for piece in pieces)
    ends = []
    for back in (None, gradient_steps):
        torch.manual_seed(5)
        truncation = Truncation(3, back)
        for piece in pieces:
            y, *_, state = truncation.forward(net, piece)
            assert torch.equal(truncation.forward(net, piece)[0], y)  # asked again, as by LBFGS
            truncation.keep(piece, state)
        ends.append(state)
    for one, other in zip(*map(leaves, ends), strict=True):
        torch.testing.assert_close(one, other)


def test_masks_of_a_sequence_go_on_in_a_training_that_is_resumed(tmp_path):
    options = {"steps": make_steps(61, (17, 40)), "update_every": 4, "gradient_steps": 8, "epochs": 1}
    whole, validate = locked_net(), improving()
    make_trainer(net=whole, validate=validate, **options).run()
    for _ in range(20):  # each time one update more
        parts = locked_net()
        trainer = make_trainer(tmp_path, net=parts, validate=validate, max_seconds=1e-9, **options)
        trainer.resume()
        trainer.state.config = trainer.state.config.model_copy(
            update={"max_seconds": trainer.state.progress.seconds + 1e-9}
        )
        trainer.state.progress.stopped = ""
        if trainer.run().stopped != "time":
            break
    assert trainer.state.progress.updates == 5
    assert weights_of(parts).equal(weights_of(whole))

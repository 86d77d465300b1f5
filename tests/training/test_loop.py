"""What the loop does beside back-propagation: stopping, clipping, penalties, noise, batches of any size."""

import math
from dataclasses import replace

import pytest
import torch

from ostinato.errors import ConfigError, DataError, ShapeError
from ostinato.training.objective import penalty, weighted_mean
from ostinato.training.progress import SilentWatcher
from training.problem import improving, make_net, make_steps, make_trainer, squared, weights_of


class Recorder(SilentWatcher):
    """Keeps what it is told."""

    def __init__(self):
        self.evaluations, self.begun, self.rows, self.ends = [], [], 0, []

    def begin(self, progress, updates_in_epoch, epochs):
        self.begun.append((progress.epoch, updates_in_epoch, epochs))

    def update(self, progress, rows):
        self.rows += rows

    def evaluated(self, progress, evaluation):
        self.evaluations.append(evaluation)

    def end(self, progress):
        self.ends.append(progress.stopped)


def losses_in_turn(*losses):
    """A validation that gives these losses, and the list of the weights it saw."""
    remaining, seen = iter(losses), []

    def validate(layer):
        assert not layer.training
        seen.append(weights_of(layer))
        return next(remaining)

    return validate, seen


# stopping


def test_early_stopping_keeps_the_best_and_not_the_last():
    validate, seen = losses_in_turn(3.0, 1.0, 2.0, 1.0, 5.0)
    net = make_net()
    finished = make_trainer(net=net, validate=validate, epochs=9, patience=3).run()
    assert (finished.stopped, finished.best_epoch, finished.best_loss, finished.epochs) == (
        "early",
        1,
        1.0,
        5,
    )
    assert weights_of(net).equal(seen[1])
    assert not weights_of(net).equal(seen[-1])
    assert not net.training


def test_without_patience_it_never_stops_early():
    validate, seen = losses_in_turn(*range(9))
    net = make_net()
    finished = make_trainer(net=net, validate=validate, epochs=9, patience=None).run()
    assert (finished.stopped, finished.best_epoch, finished.epochs) == ("epochs", 0, 9)
    assert weights_of(net).equal(seen[0])


def test_out_of_time_ends_with_an_evaluation():
    watcher = Recorder()
    finished = make_trainer(watcher=watcher, max_seconds=1e-6).run()
    assert (finished.stopped, finished.epochs, finished.best_epoch) == ("time", 0, 0)
    assert [evaluation.updates for evaluation in watcher.evaluations] == [1]


def test_more_time_goes_on_within_the_epoch(tmp_path):
    make_trainer(tmp_path, max_seconds=1e-6).run()
    trainer = make_trainer(tmp_path, max_seconds=1e-6)
    trainer.resume()
    assert trainer.run().stopped == "time"
    assert trainer.state.progress.updates == 1  # no more time, no more updates
    trainer = make_trainer(tmp_path, max_seconds=3600.0)
    trainer.resume()
    whole = make_trainer()
    assert (trainer.run().stopped, whole.run().stopped) == ("epochs", "epochs")
    assert trainer.state.progress.updates == whole.state.progress.updates


def test_more_patience_goes_on(tmp_path):
    make_trainer(tmp_path, validate=losses_in_turn(1.0, 2.0)[0], patience=1).run()
    trainer = make_trainer(tmp_path, validate=losses_in_turn(0.5)[0], patience=2)
    trainer.resume()
    finished = trainer.run()
    assert (finished.stopped, finished.epochs, finished.best_loss) == ("epochs", 3, 0.5)


def test_reduce_on_plateau_goes_by_the_validation_loss():
    watcher, (validate, _) = Recorder(), losses_in_turn(3.0, 2.0, 2.0, 2.0, 1.0)
    options = {"schedule": "ReduceLROnPlateau", "schedule_options": {"patience": 1, "factor": 0.5}}
    make_trainer(validate=validate, watcher=watcher, epochs=5, **options).run()
    assert [evaluation.learning_rate for evaluation in watcher.evaluations] == [0.05] * 3 + [0.025] * 2


def test_the_watcher_hears_of_everything():
    watcher, trainer = Recorder(), make_trainer(jitter=False)
    trainer.watcher = watcher
    finished = trainer.run()
    assert watcher.begun == [(0, 4, 3), (1, 4, 3), (2, 4, 3)]
    assert watcher.rows == 3 * 128
    assert watcher.ends == ["epochs"]
    assert [evaluation.updates for evaluation in watcher.evaluations] == [4, 8, 12]
    best = min(watcher.evaluations, key=lambda evaluation: evaluation.validation_loss)
    assert (best.validation_loss, best.epoch) == (finished.best_loss, finished.best_epoch)


def test_the_training_loss_is_the_mean_over_all_labelled_steps():
    steps, watcher = make_steps(100), Recorder()
    steps = replace(steps, weight=torch.arange(100.0) % 3)
    net = make_net()
    make_trainer(net=net, steps=steps, watcher=watcher, streams=1, learning_rate=1e-30, epochs=1).run()
    y = net(steps.x[None])[0][0].detach()
    expected = weighted_mean(squared, y, steps.target, steps.weight)
    assert watcher.evaluations[0].train_loss == pytest.approx(float(expected), rel=1e-5)


def test_no_state_goes_from_epoch_to_epoch():
    trainer = make_trainer(update_every=4, gradient_steps=12, epochs=1)
    trainer.run()
    assert trainer.state.memory.states() == [None]


def test_the_training_loss_is_that_of_its_own_epoch():
    watcher = Recorder()
    trainer = make_trainer(
        watcher=watcher, objective=lambda y, target: 0 * y[..., 0] + trainer.state.progress.epoch, epochs=3
    )
    trainer.run()
    assert [evaluation.train_loss for evaluation in watcher.evaluations] == [0.0, 1.0, 2.0]


# clipping


@pytest.mark.parametrize("bound", [1e-3, 1e-1, 1e3])
def test_clip_norm_bounds_the_gradient_and_the_step(bound):
    net = make_net()
    trainer, before = make_trainer(net=net, clip_norm=bound, learning_rate=0.5), weights_of(net)
    (piece, *_) = trainer.state.sampler.epoch(0)
    free = make_trainer(net=make_net(), learning_rate=0.5)
    free._update(piece)
    trainer._update(piece)
    unclipped = torch.cat([parameter.grad.flatten() for parameter in free.state.model.parameters()])
    clipped = torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
    expected = unclipped * min(1.0, bound / float(unclipped.norm()))
    torch.testing.assert_close(clipped, expected, rtol=1e-4, atol=1e-9)
    step = weights_of(net) - before
    assert float(step.norm()) <= 0.5 * bound * 1.01
    torch.testing.assert_close(step, -0.5 * clipped, rtol=1e-3, atol=1e-7)


def test_clip_value_bounds_each_element():
    net = make_net()
    trainer = make_trainer(net=net, clip_value=1e-3)
    (piece, *_) = trainer.state.sampler.epoch(0)
    before = weights_of(net)
    trainer._update(piece)
    step = (weights_of(net) - before).abs()
    assert float(step.max()) == pytest.approx(0.05 * 1e-3, rel=1e-2)
    gradients = torch.cat([parameter.grad.flatten() for parameter in net.parameters()]).abs()
    assert float(gradients.max()) == pytest.approx(1e-3)
    assert (gradients < 1e-3).any()


def test_a_gradient_whose_squares_overflow_is_not_taken_for_infinite():
    net = make_net()
    trainer = make_trainer(net=net, clip_norm=1.0, objective=lambda y, t: 1e30 * squared(y, t))
    trainer.run()
    assert weights_of(net).isfinite().all()


# penalties


def test_penalties_have_the_gradient_computed_by_hand_and_biases_are_free():
    net = make_net()
    penalty(net, l1=0.3, l2=0.7).backward()
    for name, parameter in net.named_parameters():
        if "bias" in name:
            assert parameter.grad is None
        else:
            torch.testing.assert_close(
                parameter.grad, 0.3 * parameter.detach().sign() + 2 * 0.7 * parameter.detach()
            )


def test_penalties_reach_the_weights_but_not_the_reported_loss():
    watchers, ends = [Recorder(), Recorder()], []
    for watcher, l2 in zip(watchers, (0.0, 0.5), strict=True):
        net = make_net()
        make_trainer(net=net, watcher=watcher, l2=l2, streams=1, update_every=None, epochs=1).run()
        ends.append(weights_of(net))
    assert watchers[0].evaluations[0].train_loss == watchers[1].evaluations[0].train_loss
    start = make_net()
    decay = torch.cat([p.detach().flatten() * (p.dim() > 1) for p in start.parameters()])
    torch.testing.assert_close(ends[1] - ends[0], -0.05 * 2 * 0.5 * decay, rtol=1e-4, atol=1e-6)


# noise, augmentation, dropout


def seen_by_the_network(**options):
    """Every x, and whether it was in training."""
    net, seen = make_net(), []
    net.register_forward_pre_hook(lambda layer, inputs: seen.append((layer.training, inputs[0].clone())))
    make_trainer(net=net, jitter=False, epochs=1, **options).run()
    return [x for training, x in seen if training], [x for training, x in seen if not training]


def test_input_noise_is_there_while_training_alone():
    clean, noisy = seen_by_the_network(), seen_by_the_network(input_noise=0.25)
    noise = torch.cat([a - b for a, b in zip(noisy[0], clean[0], strict=True)])
    assert float(noise.std()) == pytest.approx(0.25, rel=0.1)
    assert abs(float(noise.mean())) < 0.05
    assert all(a.equal(b) for a, b in zip(clean[1], noisy[1], strict=True))


def test_augment_is_asked_while_training_alone_and_after_the_noise():
    clean, doubled = (seen_by_the_network(input_noise=0.25, augment=f) for f in (None, lambda x: 2 * x))
    assert all(torch.equal(2 * a, b) for a, b in zip(clean[0], doubled[0], strict=True))
    assert all(a.equal(b) for a, b in zip(clean[1], doubled[1], strict=True))


def scaled_at_random(x):
    return x * (1 + 0.1 * torch.randn(len(x), 1, 1))


RANDOM = {"input_noise": 0.2, "augment": scaled_at_random, "epochs": 2}


@pytest.mark.parametrize("sampler", ["streams", "windows"])
def test_one_seed_gives_identical_weights(sampler):
    ends = []
    for seed in (7, 7, 8):
        net = make_net(dropout=0.3)
        torch.randn(seed * len(ends) + 1)  # what was drawn before does not matter
        trainer = make_trainer(net=net, sampler=sampler, windows=20, seed=seed, **RANDOM)
        torch.randn(len(ends) + 1)
        trainer.run()
        ends.append(weights_of(net))
    assert ends[0].equal(ends[1])
    assert not ends[0].equal(ends[2])


def test_dropout_is_drawn_by_the_seed():
    ends = []
    for seed in (7, 7, 8):
        net = make_net(dropout=0.3)
        make_trainer(net=net, sampler="windows", windows=128, update_every=None, seed=seed, epochs=1).run()
        ends.append(weights_of(net))
    assert ends[0].equal(ends[1])
    assert not ends[0].equal(ends[2])


# batches


@pytest.mark.parametrize(
    "options",
    [
        {"streams": 1},
        {"streams": 128, "update_every": 1},
        {"streams": 1, "update_every": None},
        {"sampler": "windows", "windows": 1, "epochs": 1},
        {"sampler": "windows", "windows": 128},
        {"sampler": "windows", "windows": 10**6},
    ],
    ids=str,
)
def test_a_batch_may_be_one_row_or_all_of_them(options):
    watcher, net = Recorder(), make_net()
    make_trainer(net=net, watcher=watcher, **{"epochs": 2} | options).run()
    assert not weights_of(net).equal(weights_of(make_net()))
    whole = options.get("windows", 0) >= 128 or "update_every" in options
    assert not whole or watcher.begun[0][1] == 1


# labels


def test_a_piece_without_labels_moves_the_state_and_nothing_else():
    momentum = {"optimizer": "AdamW", "weight_decay": 0.5, "schedule": "OneCycleLR", "l2": 0.1}
    steps = make_steps(64)
    weight = steps.weight.clone()
    weight[16:32] = 0
    net = make_net()
    trainer = make_trainer(net=net, steps=replace(steps, weight=weight), streams=1, jitter=False, **momentum)
    pieces = list(trainer.state.sampler.epoch(0))
    for piece in pieces[:2]:
        trainer._update(piece)
    before, state = weights_of(net), trainer.state.memory.state
    for piece in pieces[2:4]:
        trainer._update(piece)
    assert weights_of(net).equal(before)
    assert trainer.state.progress.updates == 2
    expected = net(steps.x[None, 16:32], state)[1]
    torch.testing.assert_close(trainer.state.memory.state, expected)
    assert not trainer.state.memory.state[0].hidden.requires_grad


@pytest.mark.parametrize("every", ["update", "epoch"])
def test_a_training_may_begin_with_steps_without_labels(every):
    steps = make_steps(64)
    weight = steps.weight.clone()
    weight[:20] = 0
    options = {"schedule": "CosineAnnealingLR", "schedule_every": every}
    trainer = make_trainer(steps=replace(steps, weight=weight), streams=1, jitter=False, **options)
    assert trainer.run().stopped == "epochs"
    assert trainer.state.progress.updates == 3 * 6


def test_targets_that_do_not_count_may_be_nan():
    steps = make_steps()
    unlabelled = torch.arange(128) % 5 == 0
    weight = steps.weight.masked_fill(unlabelled, 0.0)
    nets = [make_net(), make_net()]
    for net, value in zip(nets, (0.0, math.nan), strict=True):
        target = steps.target.masked_fill(unlabelled, value)
        make_trainer(net=net, steps=replace(steps, target=target, weight=weight)).run()
    assert weights_of(nets[0]).isfinite().all()
    assert weights_of(nets[0]).equal(weights_of(nets[1]))


def test_losses_that_do_not_count_may_be_infinite():
    steps, net = make_steps(), make_net()
    weight = steps.weight.masked_fill(torch.arange(128) % 5 == 0, 0.0)

    def objective(y, target):
        return squared(y, target).masked_fill(target == 0, math.inf)  # the blanked ones

    make_trainer(net=net, steps=replace(steps, weight=weight), objective=objective).run()
    assert weights_of(net).isfinite().all()


def test_several_targets_for_each_step():
    steps, net = make_steps(), make_net()
    both = torch.stack([steps.target, steps.target.masked_fill(torch.arange(128) == 3, math.nan)], dim=1)
    weight = steps.weight.masked_fill(torch.arange(128) == 3, 0.0)

    def objective(y, target):
        return (y - target).square().mean(-1)

    make_trainer(net=net, steps=replace(steps, target=both, weight=weight), objective=objective).run()
    assert weights_of(net).isfinite().all()


def test_no_label_at_all_is_refused():
    steps = make_steps()
    with pytest.raises(DataError, match="no step has a label to learn from"):
        make_trainer(steps=replace(steps, weight=torch.zeros(128)))


def test_an_objective_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"a loss for each step, \(4, \d\), got \(4, \d, 1\) from y"):
        make_trainer(objective=lambda y, target: y).run()


# files


def test_without_a_keeper_there_are_no_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_trainer().run()
    assert list(tmp_path.iterdir()) == []


def test_with_one_there_are_three(tmp_path):
    make_trainer(tmp_path, validate=improving()).run()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"weights.safetensors", "checkpoint.safetensors", "metrics.jsonl"}


def test_resuming_needs_a_keeper():
    with pytest.raises(ConfigError, match="resuming needs a checkpointer"):
        make_trainer().resume()


def test_a_training_without_end_begins_at_once():
    """However many epochs a schedule is stretched over, only some of them are planned."""
    trainer = make_trainer(epochs=10**9, schedule="OneCycleLR", max_seconds=0.01)
    assert trainer.state.schedule.total_steps >= 4 * 10**9
    assert trainer.run().stopped == "time"

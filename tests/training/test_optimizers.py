"""Every optimizer and schedule of torch trains, and goes on after a resume as if nothing had happened."""

import pytest
import torch

from ostinato.errors import ConfigError
from ostinato.layers import LSTM, Chain, Dense
from ostinato.training.optimizers import OPTIMIZERS, SCHEDULES
from ostinato.training.progress import SilentWatcher
from training.problem import make_net, make_steps, make_trainer, weights_of

# what each needs to get somewhere in a few updates
OPTIONS = {
    "Adadelta": {"learning_rate": 1.0},
    "ASGD": {"learning_rate": 0.1},
    "LBFGS": {"learning_rate": 0.5, "optimizer_options": {"line_search_fn": "strong_wolfe", "max_iter": 4}},
    "SGD": {"learning_rate": 0.1, "optimizer_options": {"momentum": 0.9}},
}
# what has no default
SCHEDULE_OPTIONS = {
    "StepLR": {"step_size": 2},
    "MultiStepLR": {"milestones": [2, 9]},
    "ExponentialLR": {"gamma": 0.95},
    "ConstantLR": {"total_iters": 2},
    "CyclicLR": {"base_lr": 0.001, "step_size_up": 3},
    "CosineAnnealingWarmRestarts": {"T_0": 4},
    "ReduceLROnPlateau": {"patience": 0, "threshold": 0.5},
}


class CrashError(Exception):
    """What a training dies of."""


class CrashAfter(SilentWatcher):
    """Ends the training without a word, after an update whose checkpoint is not written any more."""

    def __init__(self, updates):
        self.updates = updates

    def update(self, progress, rows):
        if progress.updates > self.updates:
            raise CrashError


def without_biases(seed=0):
    torch.manual_seed(seed)
    return Chain(memory=LSTM(3, 5, bias=False), head=Dense(5, 1, bias=False))


def net_for(optimizer, seed=0):
    """Muon is for matrices alone."""
    return without_biases(seed) if optimizer == "Muon" else make_net(dropout=0.2, seed=seed)


def options_for(optimizer):
    return {"optimizer": optimizer, "learning_rate": 0.02} | OPTIONS.get(optimizer, {})


def check_resumes(folder, crash_after, net_of, options):
    """Training, and dying, beginning again with other weights and resuming, end in the same bits."""
    whole, part, late = net_of(0), net_of(0), net_of(1)
    make_trainer(net=whole, **options).run()
    watcher = CrashAfter(crash_after)
    with pytest.raises(CrashError):
        make_trainer(folder, net=part, watcher=watcher, checkpoint_seconds=0.0, **options).run()
    trainer = make_trainer(folder, net=late, checkpoint_seconds=0.0, **options)
    trainer.resume()
    assert trainer.state.progress.updates == crash_after
    trainer.run()
    assert torch.equal(weights_of(whole), weights_of(late))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_learns(name):
    losses = []
    trainer = make_trainer(net=net_for(name), epochs=6, **options_for(name))
    trainer.watcher = SilentWatcher()
    trainer.watcher.evaluated = lambda progress, evaluation: losses.append(evaluation.train_loss)
    trainer.run()
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("crash_after", [3, 7])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_resumes_exactly(tmp_path, name, crash_after):
    check_resumes(tmp_path, crash_after, lambda seed: net_for(name, seed), options_for(name))


@pytest.mark.parametrize("name", ["NAdam", "ASGD", "Adafactor", "LBFGS"])
def test_optimizers_with_odd_memories_resume_exactly_in_float64(tmp_path, name):
    steps = make_steps(dtype=torch.float64)
    check_resumes(
        tmp_path, 5, lambda seed: net_for(name, seed).double(), options_for(name) | {"steps": steps}
    )


@pytest.mark.parametrize("every", ["update", "epoch"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_each_schedule_lasts_the_whole_training(name, every):
    options = {"schedule": name, "schedule_options": SCHEDULE_OPTIONS.get(name, {})}
    trainer = make_trainer(epochs=5, schedule_every=every, **options)
    seen = []
    trainer.watcher.update = lambda progress, rows: seen.append(trainer.state.optimizer.param_groups[0]["lr"])
    assert trainer.run().stopped == "epochs"
    assert len(set(seen)) > 1


@pytest.mark.parametrize("every", ["update", "epoch"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_each_schedule_resumes_exactly(tmp_path, name, every):
    options = {"schedule": name, "schedule_options": SCHEDULE_OPTIONS.get(name, {}), "schedule_every": every}
    momentum = {"optimizer_options": {"momentum": 0.9}}
    check_resumes(tmp_path, 7, lambda seed: make_net(0.2, seed), options | momentum | {"epochs": 4})


def test_a_resume_at_the_end_of_an_epoch_goes_on_with_its_evaluation(tmp_path):
    def crash(layer):
        raise CrashError

    options = {"schedule": "ExponentialLR", "schedule_options": {"gamma": 0.5}, "schedule_every": "epoch"}
    whole, late = make_net(0.2), make_net(0.2, seed=1)
    make_trainer(net=whole, **options).run()
    with pytest.raises(CrashError):
        make_trainer(tmp_path, net=make_net(0.2), validate=crash, checkpoint_seconds=0.0, **options).run()
    trainer = make_trainer(tmp_path, net=late, checkpoint_seconds=0.0, **options)
    trainer.resume()
    assert trainer.state.progress.done == trainer.state.sampler.count(0)
    trainer.run()
    assert torch.equal(weights_of(whole), weights_of(late))


def test_one_cycle_begins_low_peaks_at_the_learning_rate_and_ends_lowest():
    trainer = make_trainer(schedule="OneCycleLR", learning_rate=0.05)
    rates = [trainer.state.optimizer.param_groups[0]["lr"]]
    trainer.watcher.update = lambda progress, rows: rates.append(
        trainer.state.optimizer.param_groups[0]["lr"]
    )
    trainer.run()
    assert rates[0] == pytest.approx(0.05 / 25)
    assert max(rates) == pytest.approx(0.05, rel=0.05)
    assert rates[-1] == pytest.approx(0.05 / 25e4)


@pytest.mark.parametrize("options", [{"total_steps": 4}, {"epochs": 1, "steps_per_epoch": 4}], ids=str)
def test_a_schedule_that_is_shorter_than_the_training_stays_where_it_ended(options):
    trainer, rates = make_trainer(schedule="OneCycleLR", schedule_options=options), []
    trainer.watcher.update = lambda progress, rows: rates.append(
        trainer.state.optimizer.param_groups[0]["lr"]
    )
    assert trainer.run().stopped == "epochs"
    assert rates[1] > rates[2] == rates[-1] == pytest.approx(0.05 / 25e4)


@pytest.mark.parametrize("name", ["Adagrad", "LBFGS", "Rprop", "Adafactor"])
def test_the_default_schedule_goes_with_optimizers_without_momentum(name):
    make_trainer(**options_for(name) | {"schedule": "OneCycleLR"}).run()


def test_weight_decay_is_the_optimizers():
    for given, expected in [(None, 0.01), (0.0, 0.0), (0.3, 0.3)]:
        trainer = make_trainer(optimizer="AdamW", weight_decay=given)
        assert trainer.state.optimizer.param_groups[0]["weight_decay"] == expected


def test_weight_decay_shrinks():
    free, decayed = make_net(), make_net()
    make_trainer(net=free).run()
    make_trainer(net=decayed, weight_decay=0.5).run()
    assert weights_of(decayed).norm() < 0.8 * weights_of(free).norm()


REFUSED = [
    ({"optimizer": "Adma"}, "no optimizer is called 'Adma'. Did you mean 'Adam'?"),
    ({"optimizer": "SparseAdam"}, "no optimizer is called 'SparseAdam'"),
    ({"optimizer": "Optimizer"}, "no optimizer is called 'Optimizer'"),
    ({"optimizer": "Muon"}, "Muon refuses its options: Muon only supports 2D parameters"),
    ({"optimizer_options": {"momentun": 0.9}}, "SGD refuses its options: .*momentun"),
    ({"optimizer_options": {"momentum": -1}}, "SGD refuses its options: Invalid momentum"),
    ({"optimizer": "Adam", "optimizer_options": {"betas": []}}, "Adam refuses its options"),
    ({"optimizer": "Adam", "optimizer_options": {"betas": 3}}, "Adam refuses its options"),
    ({"optimizer": "LBFGS", "weight_decay": 0.1}, "LBFGS refuses its options: .*weight_decay"),
    ({"schedule": "OneCycle"}, "no schedule is called 'OneCycle'. Did you mean 'OneCycleLR'?"),
    ({"schedule": "LambdaLR"}, "no schedule is called 'LambdaLR'"),
    ({"schedule": "StepLR"}, "StepLR refuses its options: .*step_size"),
    ({"schedule": "OneCycleLR", "schedule_options": {"pct_start": 5}}, "OneCycleLR refuses its options"),
    (
        {"schedule": "OneCycleLR", "schedule_options": {"total_steps": 10, "pct_start": 0.1}},
        "OneCycleLR refuses its options: .*division by zero",
    ),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=str)
def test_what_torch_does_not_take_is_said_in_a_sentence(options, words):
    with pytest.raises(ConfigError, match=words):
        make_trainer(**options)


def test_every_class_that_needs_numbers_alone_is_known():
    assert {"SGD", "Adam", "AdamW", "LBFGS", "RMSprop", "Muon"} <= set(OPTIMIZERS)
    assert {"OneCycleLR", "CosineAnnealingLR", "ReduceLROnPlateau", "CyclicLR"} <= set(SCHEDULES)
    assert not {"Optimizer", "SparseAdam"} & set(OPTIMIZERS)
    assert not {"LRScheduler", "_LRScheduler", "LambdaLR", "SequentialLR"} & set(SCHEDULES)

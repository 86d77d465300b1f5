"""The same seed gives the same run; a run that was interrupted and resumed is the run it would have been."""

import json
import signal

import pytest

from ostinato.data.simulator import simulate_trades
from ostinato.errors import ConfigError, DataError, RunExistsError
from ostinato.runs import read_tensors
from ostinato.tasks.forecasting import open_run
from ostinato.training.progress import SilentWatcher
from tasks.conftest import TRAINING


class Interrupt(SilentWatcher):
    """Presses Ctrl-C during update number ``at``."""

    def __init__(self, at):
        self.at = at

    def update(self, progress, rows):
        if progress.updates == self.at:
            signal.raise_signal(signal.SIGINT)


def weights(folder) -> dict:
    return {name: array.tobytes() for name, array in read_tensors(folder / "weights.safetensors")[0].items()}


def metrics(folder) -> dict:
    """Without what a clock said."""
    found = json.loads((folder / "metrics.json").read_text())
    del found["training"]["seconds"], found["model"]["step_us"]
    return found


def assert_same_run(one, other):
    assert weights(one) == weights(other)
    assert metrics(one) == metrics(other)
    assert (one / "predictions.parquet").read_bytes() == (other / "predictions.parquet").read_bytes()


def test_the_same_seed_gives_the_same_run(small, finished, tmp_path):
    small.fit(tmp_path / "again")
    assert_same_run(tmp_path / "again", finished.run.folder.path)


def test_another_seed_gives_another_run(small, finished, tmp_path):
    small.fit(tmp_path / "other", seed=1)
    assert weights(tmp_path / "other") != weights(finished.run.folder.path)


@pytest.mark.parametrize("at", [3, 10])
def test_an_interrupted_run_is_resumed_to_the_same_numbers(small, finished, tmp_path, at):
    half = small.fit(tmp_path / "run", watcher=Interrupt(at))
    assert (half.finished.stopped, half.evaluation, half.results) == ("interrupted", None, None)
    assert not half.run.folder.metrics.exists()
    assert open_run(tmp_path / "run").name == "lstm"  # what was learnt so far can be used
    whole = small.fit(tmp_path / "run", resume=True)
    assert whole.finished.stopped == "epochs"
    assert_same_run(tmp_path / "run", finished.run.folder.path)


def test_resuming_needs_no_choice_repeated(small, tmp_path):
    """Splits and windows too are those that the run was begun with."""
    data = {"feature_windows": [4, 8], "fractions": [0.5, 0.2, 0.3]}
    small.fit(tmp_path / "whole", recipe=data)
    small.fit(tmp_path / "run", recipe=data, watcher=Interrupt(at=5))
    small.fit(tmp_path / "run", options={}, training={}, recipe={}, resume=True)
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_resuming_a_finished_run_changes_nothing(small, finished, copied):
    config, log = (copied / "config.json").read_bytes(), (copied / "metrics.jsonl").read_bytes()
    again = small.fit(copied, resume=True)
    assert_same_run(copied, finished.run.folder.path)
    assert (copied / "config.json").read_bytes() == config
    assert (copied / "metrics.jsonl").read_bytes() == log
    assert again.finished.seconds == finished.finished.seconds


def test_resuming_where_nothing_began_begins(small, finished, tmp_path):
    small.fit(tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", finished.run.folder.path)


def test_resuming_with_other_trades_is_refused(small, copied):
    before = weights(copied)
    with pytest.raises(
        DataError, match=r"was fitted on other data than these \(1,200 rows\)\. Pass the same file"
    ):
        small.fit(copied, trades=simulate_trades(rows=1_200, seed=4), resume=True)
    assert weights(copied) == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"training": {"epochs": 9}},
            "was begun with training.epochs = 2, now it is 9. Leave it out to go on",
        ),
        ({"options": {"units": 6}}, "was begun with model.units = 5, now it is 6."),
        (
            {"recipe": {"fractions": (0.5, 0.2, 0.3)}},
            r"was begun with data.fractions = \[0.7, 0.1, 0.2\], now it is",
        ),
        ({"options": {"channels": 6}}, "was begun with model.channels = None, now it is 6."),
    ],
)
def test_resuming_with_another_choice_is_refused(small, copied, changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        small.fit(copied, resume=True, **changes)


class Hears(SilentWatcher):
    """Counts the updates that are made."""

    updates = 0

    def update(self, progress, rows):
        self.updates += 1


def test_what_no_number_depends_on_may_change(small, finished, tmp_path):
    """More time gives the run that it would have been without a limit, and config.json says how long it was."""
    short = small.fit(tmp_path / "run", training=TRAINING | {"max_seconds": 1e-9})
    assert short.finished.stopped == "time"
    before = (tmp_path / "run" / "config.json").read_bytes()
    still = small.fit(tmp_path / "run", training=TRAINING, resume=True)
    assert (still.finished.stopped, (tmp_path / "run" / "config.json").read_bytes()) == ("time", before)

    watcher = Hears()
    training = {"max_seconds": 600, "patience": 4, "checkpoint_seconds": 1.0}
    whole = small.fit(tmp_path / "run", options={}, training=training, resume=True, watcher=watcher)
    assert watcher.updates > 0
    assert whole.finished.stopped == "epochs"
    written = json.loads((tmp_path / "run" / "config.json").read_text())
    assert {name: written["training"][name] for name in training} == training
    assert open_run(tmp_path / "run").training == whole.run.training
    assert weights(tmp_path / "run") == weights(finished.run.folder.path)


def test_what_may_change_is_checked_all_the_same(small, copied):
    before = (copied / "config.json").read_bytes()
    with pytest.raises(ConfigError, match="training: max_seconds is -1"):
        small.fit(copied, training={"max_seconds": -1}, resume=True)
    assert (copied / "config.json").read_bytes() == before


def test_a_run_is_not_replaced_unasked(small, copied):
    before = weights(copied)
    with pytest.raises(RunExistsError, match="already holds a run"):
        small.fit(copied, seed=1)
    assert weights(copied) == before
    small.fit(copied, seed=1, force=True)
    assert weights(copied) != before


def test_full_back_propagation_makes_one_update_an_epoch(small, tmp_path):
    """Jitter would cut the streams in two, and no gradient flows over a cut."""
    done = small.fit(tmp_path / "run", training=TRAINING | {"update_every": None})
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["updates"] for line in lines] == [1, 2]
    assert done.finished.epochs == 2

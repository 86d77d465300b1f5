"""A training that is killed at any moment, and resumed, is bit for bit the one that was not."""

import json
import os
import random
import signal
import time

import pytest

from ostinato.runs.folder import NAMES, RunFolder
from ostinato.runs.reading import read_lines
from ostinato.runs.writing import leftovers

PATIENCE_SECONDS = 20


def written(folder):
    """What must be equal: the bytes of the weights, and the log without the clock."""
    lines = [{**line, "seconds": None} for line in read_lines(RunFolder(folder).log)]
    return RunFolder(folder).weights.read_bytes(), lines


def kill(number):
    """Whether there was still something to kill."""
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kill_at_a_write(number, folder, writes):
    """Kill as soon as the file of the n-th write appears under its temporary name."""
    seen, deadline = set(), time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        seen |= set(leftovers(folder, NAMES))
        if len(seen) >= writes:
            return kill(number)
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return False
    raise TimeoutError("the training writes nothing")


class Killer:
    """Kills trainings until it has had enough, half of them during a write."""

    def __init__(self, children, variant, folder, kills):
        self.children, self.variant, self.folder, self.wanted = children, variant, folder, kills
        self.random = random.Random(1)
        self.kills = self.during_writes = self.trainings = 0
        self.ends = []

    def run(self):
        """Train as often as it takes."""
        while not self.enough:
            self.trainings += 1
            folder = self.folder / str(self.trainings)
            folder.mkdir()
            while not self.attempt(folder):
                pass
            self.ends.append(written(folder))

    @property
    def enough(self):
        """The scheduler may let a write slip through our fingers, so there can be more kills than wanted."""
        return self.kills >= self.wanted and 2 * self.during_writes >= self.kills

    def attempt(self, folder):
        """Start a process, maybe kill it; whether the training is done."""
        number = self.children.start(self.variant, folder)
        if not self.enough:
            if 2 * self.during_writes <= self.kills:
                kill_at_a_write(number, folder, self.random.randint(1, 8))
            else:
                time.sleep(self.random.uniform(0, 0.2))
                kill(number)
        code = self.children.wait()
        assert code in (0, -signal.SIGKILL)
        left = leftovers(folder, NAMES)
        self.kills += code != 0
        self.during_writes += bool(left)
        for path in left:
            path.unlink()
        return code == 0


def check_kills(children, variant, folder, kills):
    """As many kills change nothing."""
    whole = folder / "whole"
    whole.mkdir()
    children.train(variant, whole)
    killer = Killer(children, variant, folder, kills)
    killer.run()
    print(
        f"{variant}: {killer.kills} kills, {killer.during_writes} during a write, {killer.trainings} trainings"
    )
    assert killer.kills >= kills
    assert 2 * killer.during_writes >= killer.kills
    for end in killer.ends:
        assert end == written(whole)


@pytest.mark.parametrize("variant", ["streams", "older", "windows"])
def test_six_kills_change_nothing(children, tmp_path, variant):
    check_kills(children, variant, tmp_path, 6)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["streams", "older", "windows"])
def test_fifty_kills_change_nothing(children, tmp_path, variant):
    check_kills(children, variant, tmp_path, 50)


def test_the_trainings_that_are_killed_are_long_enough_to_differ(children, tmp_path):
    """The log has an evaluation for each epoch, and each is another: a repeated or lost update would show."""
    children.train("streams", tmp_path)
    lines = [json.loads(line) for line in RunFolder(tmp_path).log.read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(8))
    assert len({line["validation_loss"] for line in lines}) == 8


def test_a_finished_training_that_is_resumed_changes_nothing(children, tmp_path):
    children.train("streams", tmp_path)
    before = written(tmp_path)
    RunFolder(tmp_path).weights.unlink()
    children.train("streams", tmp_path)
    assert written(tmp_path) == before

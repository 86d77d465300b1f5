"""Random architectures, and those that were wrong once, against the contract; ``make fuzz`` tries thousands.

A failure names the seed and the smallest architecture that still fails; ``make fuzz SEED=... COUNT=1`` shows it again.
"""

import os

import pytest

from contract.architectures.known import KNOWN, REFUSED
from contract.architectures.trying import try_known, try_seed

FIRST = 100_000 * int(os.environ.get("OSTINATO_TEST_SEED", "0"))
BATCHES, EACH, TURNS = 16, 10, 20  # a test for each batch: some thousand test names would say nothing more
ALWAYS = 8  # batches; the others run with the slow tests


@pytest.mark.parametrize(
    "batch",
    [pytest.param(batch, marks=pytest.mark.slow if batch >= ALWAYS else ()) for batch in range(BATCHES)],
)
def test_random_architectures(batch):
    first = FIRST + batch * EACH
    trials = [try_seed(seed, TURNS) for seed in range(first, first + EACH)]
    failed = [try_seed(trial.seed, TURNS, patience=20.0) for trial in trials if trial.faults][:2]
    assert not failed, "\n".join(trial.summary() for trial in failed)
    assert sum(trial.refused is None for trial in trials) > EACH // 2


@pytest.mark.parametrize("name", KNOWN)
def test_known_architectures(name):
    trial = try_known(name)
    assert not trial.faults, trial.summary()
    assert (trial.refused is not None) == (name in REFUSED), trial.summary()

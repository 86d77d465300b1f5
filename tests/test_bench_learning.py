"""Every layer that has something to learn is in the table of what was learnt, and its task asks something of it."""

import math
import sys
from pathlib import Path

import pytest
import torch

import ostinato.layers as public
from contract.registry import LAYERS

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from learning.entries import ENTRIES
from learning.training import Budget, train

QUICK = Budget(1, 1e-2, batch=2, tested=2)


def trainable() -> set[str]:
    """Public layers that have parameters in some case of the contract's registry."""
    with torch.random.fork_rng():
        made = [part for case in LAYERS.values() for part in case.layer.modules()]
    names = {type(part).__name__ for part in made if any(True for _ in part.parameters())}
    return names & set(public.__all__)


def test_every_layer_with_parameters_has_an_entry():
    shown = {name.partition(",")[0] for name in ENTRIES}
    assert not trainable() - shown, "add these to benchmarks/learning/entries.py"


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_trains_the_layer_that_it_is_named_after(name):
    torch.manual_seed(0)
    entry = ENTRIES[name]
    network = entry.build()
    named = getattr(public, name.partition(",")[0])
    assert any(isinstance(part, named) for part in network.modules())
    before = [value.clone() for value in network.parameters()]
    row = train(entry.task, network, QUICK, seed=0, told=lambda text: None)
    assert math.isfinite(row["before"])
    assert math.isfinite(row["after"])
    stuck = [
        key for (key, now), then in zip(network.named_parameters(), before, strict=True) if now.equal(then)
    ]
    assert not stuck, "the task says nothing about these"

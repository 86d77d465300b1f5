"""Every layer and every model through every check.

On a GPU with OSTINATO_TEST_DEVICE=cuda; with other weights and inputs with another OSTINATO_TEST_SEED.
"""

import math
import os

import pytest
import torch

from contract.registry import LAYERS
from contract.registry.models import CROSSED
from ostinato.checks import CHECKS, Subject, cost
from ostinato.checks.run import run_check

DEVICE = os.environ.get("OSTINATO_TEST_DEVICE", "cpu")
SEED = int(os.environ.get("OSTINATO_TEST_SEED", "0"))
if DEVICE == "cuda" and not torch.cuda.is_available():
    pytest.skip("needs a GPU", allow_module_level=True)
CELLS = [
    pytest.param(name, check, id=f"{name}:{check.name}", marks=[pytest.mark.slow] if name in CROSSED else [])
    for name in LAYERS
    for check in CHECKS
]
ENDLESS = [name for name, case in LAYERS.items() if math.isinf(case.make().receptive_field)]


@pytest.mark.parametrize(("name", "check"), CELLS)
def test_contract(name, check, record_property):
    torch.manual_seed(SEED)
    case = LAYERS[name]
    outcome = run_check(check, case.make(), case.inputs, seed=SEED, device=DEVICE)
    record_property("mark", outcome.mark)
    assert outcome.fault is None, outcome.fault


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
def test_the_state_of_a_recurrence_stays_small_for_10_000_steps(name, monkeypatch):
    """The contract itself looks at 1,000: each is a loop in Python."""
    monkeypatch.setattr(cost, "LATE", 10_000)
    cost.state_stays_small(Subject.of(LAYERS[name].make(), LAYERS[name].inputs))

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
from ostinato.checks.run import CheckReport, run_check
from ostinato.core import class_name

DEVICE = os.environ.get("OSTINATO_TEST_DEVICE", "cpu")
SEED = int(os.environ.get("OSTINATO_TEST_SEED", "0"))
if DEVICE == "cuda" and not torch.cuda.is_available():
    pytest.skip("needs a GPU", allow_module_level=True)
ENDLESS = [name for name, case in LAYERS.items() if math.isinf(case.layer.receptive_field)]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in CROSSED else []) for name in LAYERS]
)
def test_contract(name, record_property):
    """Each check runs on its own copy of the layer; the message lists every fault."""
    torch.manual_seed(SEED)
    case, outcomes = LAYERS[name], []
    layer = case.make()
    for check in CHECKS:
        torch.manual_seed(SEED)  # checks do not depend on each other
        outcomes.append(run_check(check, layer, case.inputs, seed=SEED, device=DEVICE))
        record_property(check.name, outcomes[-1].mark)
    report = CheckReport(class_name(layer), outcomes)
    assert not report.faults, report.summary()


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
def test_the_state_of_a_recurrence_stays_small_for_10_000_steps(name, monkeypatch):
    """The contract itself looks at 1,000: each is a loop in Python."""
    monkeypatch.setattr(cost, "LATE", 10_000)
    cost.state_stays_small(Subject.of(LAYERS[name].make(), LAYERS[name].inputs))

"""Every layer and every model through every check.

On a GPU with OSTINATO_TEST_DEVICE=cuda; with other weights and inputs with another OSTINATO_TEST_SEED.
"""

import os

import pytest
import torch

from contract.registry import LAYERS
from ostinato.checks import CHECKS
from ostinato.checks.run import run_check

DEVICE = os.environ.get("OSTINATO_TEST_DEVICE", "cpu")
SEED = int(os.environ.get("OSTINATO_TEST_SEED", "0"))
if DEVICE == "cuda" and not torch.cuda.is_available():
    pytest.skip("needs a GPU", allow_module_level=True)
CELLS = [pytest.param(name, check, id=f"{name}:{check.name}") for name in LAYERS for check in CHECKS]


@pytest.mark.parametrize(("name", "check"), CELLS)
def test_contract(name, check, record_property):
    torch.manual_seed(SEED)
    case = LAYERS[name]
    outcome = run_check(check, case.make(), case.inputs, seed=SEED, device=DEVICE)
    record_property("mark", outcome.mark)
    assert outcome.fault is None, outcome.fault

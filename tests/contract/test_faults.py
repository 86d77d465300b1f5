"""No check is idle: each has a planted fault that it alone catches."""

import pytest
import torch

from contract.faults import ALONE, PEERS, RunningMean
from contract.registry import Case
from ostinato.checks import CHECKS, check_layer
from ostinato.checks.run import run_check


def faults(case: Case) -> dict[str, str]:
    """The sentence of every check that finds something."""
    torch.manual_seed(0)
    outcomes = [run_check(check, case.make(), case.inputs) for check in CHECKS]
    return {outcome.check: outcome.fault for outcome in outcomes if outcome.fault}


def name(case: Case) -> str:
    return type(case.layer).__name__


@pytest.mark.parametrize(
    ("check", "case"), [pytest.param(c, case, id=f"{c}-{name(case)}") for c, case in ALONE]
)
def test_one_check_alone_catches(check, case):
    assert list(found := faults(case)) == [check], found


def test_every_check_is_proven():
    assert {check for check, _ in ALONE} == {check.name for check in CHECKS}


@pytest.mark.parametrize(
    ("checks", "case"), [pytest.param(checks, case, id=name(case)) for checks, case in PEERS]
)
def test_a_defect_of_a_peer_is_caught(checks, case):
    assert checks <= set(found := faults(case)), found


def test_what_faults_are_planted_in_is_sound():
    check_layer(RunningMean())

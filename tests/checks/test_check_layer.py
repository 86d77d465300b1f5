"""The door that users come in by: check_layer on a layer of their own."""

import pytest
import torch

from ostinato.checks import CHECKS, check_layer, declared
from ostinato.core import SequenceLayer
from ostinato.errors import CheckError, OstinatoError, ShapeError
from ostinato.layers import Conv1d


class Doubled(SequenceLayer):
    """Somebody's first layer."""

    def run(self, x, state, lengths):
        return 2 * x, ()


class Reversed(Doubled):
    """Somebody's second."""

    input_size = 3

    def run(self, x, state, lengths):
        return x.flip(1), ()


class Broken(Doubled):
    """And one that was never run."""

    input_size = 3

    def run(self, x, state, lengths):
        return x.no_such_thing(), ()


def normal(batch, steps, generator):
    return torch.randn(batch, steps, 2, generator=generator, dtype=torch.float64)


def test_an_own_layer_holds():
    report = check_layer(Doubled(), inputs=normal)
    assert report.faults == []
    assert report.summary() == "Doubled keeps the contract: 20 checks passed, 1 exempt."
    assert [result.check for result in report.results] == [check.name for check in CHECKS]


def test_the_message_names_the_faulting_checks():
    with pytest.raises(CheckError, match=r"Reversed breaks \d of 21 checks:") as refusal:
        check_layer(Reversed())
    lines = str(refusal.value).splitlines()[1:]
    named = {line.strip().split(":")[0] for line in lines}
    assert {"chunks_join", "future_is_unseen", "rows_are_alone"} <= named
    assert "state_is_saved" not in named
    assert "cut into [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]" in lines[0]


def test_a_crash_is_a_fault():
    with pytest.raises(CheckError, match="chunks_join: AttributeError: 'Tensor' object has no attribute"):
        check_layer(Broken())


def test_inputs_are_asked_for_once_where_the_size_is_unknown():
    with pytest.raises(CheckError) as refusal:
        check_layer(Doubled())
    assert str(refusal.value) == (
        "Doubled takes any number of features. Pass inputs=, a function of batch, steps and a "
        "torch.Generator that returns x."
    )


def test_only_some_checks():
    chosen = [check for check in CHECKS if check.name == "state_is_saved"]
    assert check_layer(Reversed(), checks=chosen).summary().startswith("Reversed keeps the contract: 1 check")


def test_the_layer_itself_is_left_as_it_was():
    layer = Doubled().train()
    check_layer(layer, inputs=normal)
    assert layer.training


def test_a_fault_is_caught_as_an_assertion_and_as_ours():
    assert issubclass(CheckError, AssertionError)
    assert issubclass(CheckError, OstinatoError)


def test_every_check_says_what_it_means():
    for check in CHECKS:
        assert check.meaning.endswith(".")
        assert check.promise in range(1, 7)


def test_a_device_that_is_none_is_refused():
    with pytest.raises(ShapeError, match="device must be one that torch has here, such as 'cpu', got 'gpu'"):
        check_layer(Conv1d(3, 2, 4), device="gpu")


def test_what_a_layer_can_see_does_not_hang_on_its_weights():
    """A tap that is 0 by now is there all the same."""
    torch.manual_seed(0)
    silent = Conv1d(3, 2, 4)
    with torch.no_grad():
        silent.weight[:, :, 0] = 0.0
    assert "keeps the contract" in check_layer(silent).summary()
    silent.receptive_field = 5
    with pytest.raises(CheckError, match="receptive_field is declared 5 steps at output 7, measured 4"):
        check_layer(silent)


def test_perturbations_are_tried_in_batches_of_bounded_size(monkeypatch):
    """One row for each step: a long input in one batch would take memory by its square."""
    sizes = []

    class Recording(Conv1d):
        def run(self, x, state, lengths):
            sizes.append(x.numel())
            return super().run(x, state, lengths)

    def largest():
        sizes.clear()
        check_layer(layer, checks=[check for check in CHECKS if check.name == "receptive_field_is_measured"])
        return max(sizes)

    layer = Recording(3, 2, 4)
    assert largest() == 7 * 7 * 3
    monkeypatch.setattr(declared, "MOST_NUMBERS", 60)
    assert largest() == 2 * 7 * 3
    layer.receptive_field = 5
    with pytest.raises(CheckError, match="receptive_field is declared 5 steps at output 7, measured 4"):
        largest()

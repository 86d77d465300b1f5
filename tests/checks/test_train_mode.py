"""What goes wrong only while training is found, though training is checked by fewer cuts."""

import pytest

from ostinato.checks import CHECKS
from ostinato.checks.run import run_check
from ostinato.layers import GRU


class Forgetful(GRU):
    """In train mode it drops the state that it is given; a whole sequence shows nothing of it."""

    def run(self, x, state, lengths):
        if self.training:
            state = self.initial_state(len(x), x.dtype, x.device)
        return super().run(x, state, lengths)


@pytest.mark.parametrize("name", ["chunks_join", "gradients_join"])
def test_a_state_that_is_dropped_only_in_train_mode_is_found(name):
    (check,) = (check for check in CHECKS if check.name == name)
    assert run_check(check, GRU(3, 4)).fault is None
    assert "in train, cut into" in (run_check(check, Forgetful(3, 4)).fault or "")

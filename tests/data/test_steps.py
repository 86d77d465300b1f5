"""Steps refuse tensors that do not belong together."""

import pytest
import torch

from ostinato.data.steps import Steps
from ostinato.errors import DataError, ShapeError

X, ONES = torch.ones(4, 2), torch.ones(4)


def test_sequences_begin_where_they_are_said_to():
    assert Steps(X, ONES, ONES).first_steps().tolist() == [0]
    starts = torch.tensor([False, False, True, False])
    assert Steps(X, ONES, ONES, starts).first_steps().tolist() == [0, 2]
    assert not starts[0]  # the caller's tensor is left alone


@pytest.mark.parametrize(
    ("error", "words", "tensors"),
    [
        (ShapeError, r"x must be \(steps, features\), got \(4,\)", (ONES, ONES, ONES)),
        (
            ShapeError,
            r"target must be \(4,\) or \(4, targets\) for the 4 steps of x, got \(3,\)",
            (X, ONES[:3], ONES),
        ),
        (ShapeError, r"weight must be \(4,\) for the 4 steps of x, got \(4, 2\)", (X, ONES, X)),
        (ShapeError, r"starts must be \(4,\)", (X, ONES, ONES, ONES[:2].bool())),
        (ShapeError, "starts must be bool, got torch.float32", (X, ONES, ONES, ONES)),
        (DataError, "every weight must be 0 or more", (X, ONES, -ONES)),
        (DataError, "every weight must be 0 or more", (X, ONES, ONES * float("nan"))),
        (DataError, "there are no steps to sample from", (X[:0], ONES[:0], ONES[:0])),
    ],
)
def test_steps_that_cannot_be(error, words, tensors):
    with pytest.raises(error, match=words):
        Steps(*tensors)

"""Promise 3: no look-ahead. y at step t depends on x up to step t only."""

import torch

from .compare import finite, same
from .subject import STEPS, Subject


def future_is_unseen(subject: Subject) -> None:
    """With NaN from step t on, what was before t stays finite and the same: not even 0 * x is there."""
    layer, x = subject.layer, subject.x()
    whole, _ = layer(x)
    for cut in range(STEPS):
        hidden = x.clone()
        hidden[:, cut:] = torch.nan
        y, _ = layer(hidden)
        known = layer(x[:, :cut])[0].shape[1]
        where = f"when steps from {cut} on are NaN"
        finite("y before them", y[:, :known], where)
        same("y before them", y[:, :known], whole[:, :known], where)

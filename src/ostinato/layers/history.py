"""The history of layers that look back a fixed number of steps: joining it to a chunk, and cutting the next one.

Axes: B batch, T time steps, F frequencies, C features or channels.
"""

import torch
from torch import Tensor


def join_steps(history: Tensor, x: Tensor) -> Tensor:
    """``history`` (B, H, C) followed by ``x`` (B, T, C), in channel-first memory; with frequencies, in that of both.

    Joining along time in (B, C, T) is what keeps a stack of convolutions free of re-ordering. With frequencies torch
    keeps (B, T, F, C), its channels_last, where both are in it, and otherwise makes (B, C, T, F).
    """
    if history.shape[1] == 0:
        return x
    if x.shape[1] == 0:  # no steps are in every order: joined with some they would change theirs
        return history
    return torch.cat([history.movedim(-1, 1), x.movedim(-1, 1)], dim=2).movedim(1, -1)


def keep_last(buffer: Tensor, count: int, lengths: Tensor | None) -> Tensor:
    """The last ``count`` steps that each row has seen, (B, count, C) or (B, count, F, C).

    ``buffer`` is ``count`` remembered steps followed by the chunk that ``lengths`` refers to.
    """
    if lengths is None:
        # from the front: the slice [-count:] would be everything for a count of 0
        kept = buffer[:, buffer.shape[1] - count :]
        return kept.clone()  # a view would keep the whole chunk alive
    steps = lengths[:, None] + torch.arange(count, device=buffer.device)
    return buffer.gather(
        1, steps.view(*steps.shape, *[1] * (buffer.dim() - 2)).expand(-1, -1, *buffer.shape[2:])
    )

"""Run a layer over a panel: each series is one stream, all series in one batch.

Axes: N rows, I columns in, O numbers out, S series, L rows of the longest.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ...core import SequenceLayer
from ...data.panel import Panel

CHUNK = 2048  # rows at a time: bounds memory, and is long enough that calls cost nothing


def stream(layer: SequenceLayer, x: Tensor, panel: Panel | None = None, chunk: int = CHUNK) -> Tensor:
    """y (N, O) for x (N, I), ``chunk`` rows at a time, without gradients.

    Each series of the panel, of which x holds the first rows, is a stream of its own; None: x is one stream.
    """
    starts = np.zeros(1, np.int64) if panel is None else panel.starts
    pieces = list(pieces_of(layer, x, starts, chunk))
    y = torch.cat([piece for _, piece in pieces])
    rows = torch.cat([rows for rows, _ in pieces])
    if len(starts) == 1:
        return y
    ordered = torch.empty_like(y)
    ordered[rows] = y
    return ordered


def pieces_of(
    layer: SequenceLayer, x: Tensor, starts: np.ndarray, chunk: int = CHUNK
) -> Iterator[tuple[Tensor, Tensor]]:
    """Row numbers (R,) and y (R, O) for x (N, I), chunk by chunk, without gradients."""
    first = torch.from_numpy(starts[starts < len(x)]).to(x.device)
    length = torch.diff(first, append=first.new_tensor([len(x)]))
    longest, state = int(length.max()), None
    width = max(chunk // len(first), 1)
    for begin in range(0, longest, width):
        place = torch.arange(begin, min(begin + width, longest), device=x.device)
        valid = place < length[:, None]
        rows = torch.where(valid, first[:, None] + place, 0)
        lengths = None if bool(valid.all()) else (length - begin).clamp(0, len(place))
        with torch.inference_mode():
            y, state = layer(x[rows], state, lengths)
        yield rows[valid], y[valid]

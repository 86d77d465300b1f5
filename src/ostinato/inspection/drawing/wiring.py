"""Pictures of what is computed from what: cells and combinations of layers."""

import copy

import torch

from ...core import SequenceLayer, axes
from ...errors import ConfigError
from .graph import Box, OneStep, Whole, graph_of, leaf_layers
from .layout import Layout, lay_out
from .svg import arrow, figure, rounded, text

WIDE, HIGH, MARGIN = 26, 54, 22
STEPS = 16  # whole blocks of what layers usually stride by


def draw_cell(layer: SequenceLayer, caption: str = "") -> str:
    """One step of a recurrent layer: every operation, and the name of what is on the way.

    Args:
        layer: a recurrent layer with a ``trace``, of one layer and direction, which streams.
        caption: what stands below.

    Returns:
        A ``<figure>`` with an SVG.

    Raises:
        ConfigError: the layer has no trace, or does not stream.
    """
    if not hasattr(layer, "trace") or not layer.streams:
        raise ConfigError(
            f"{type(layer).__name__} has no cell to draw: pass a recurrent layer of one direction, such as LSTM(3, 5)."
        )
    layer = copy.deepcopy(layer).eval()
    x = torch.zeros(2, 1, *axes(layer.input_size or 1), dtype=next(layer.parameters()).dtype)
    with torch.no_grad():
        state = layer.initial_state(2, x.dtype)
        step = OneStep(layer)
        boxes = graph_of(step, (x, state), {}, step.names(x, state))
    return _drawn(_needed(boxes), caption or f"One step of {type(layer).__name__}.")


def draw_wiring(layer: SequenceLayer, caption: str = "", steps: int = STEPS) -> str:
    """The layers that a layer is made of, and what reaches which.

    Args:
        layer: any layer of layers; one that is made of no others is a single box.
        caption: what stands below.
        steps: how many steps it is tried with, at least one block.

    Returns:
        A ``<figure>`` with an SVG.
    """
    layer = copy.deepcopy(layer).eval()
    dtype = next((p.dtype for p in layer.parameters()), torch.float32)
    x = torch.zeros(2, max(steps, layer.block), *axes(layer.input_size or 1), dtype=dtype)
    with torch.no_grad():
        boxes = graph_of(Whole(layer), (x,), leaf_layers(layer))
    return _drawn(_needed(boxes), caption or f"{type(layer).__name__}.")


def _needed(boxes: list[Box]) -> list[Box]:
    """Without inputs that nothing takes."""
    taken = {source for box in boxes for source in box.sources}
    kept = [place for place, box in enumerate(boxes) if box.kind != "input" or place in taken]
    moved = {place: at for at, place in enumerate(kept)}
    return [Box(b.label, b.kind, [moved[s] for s in b.sources], b.name) for b in (boxes[p] for p in kept)]


def _drawn(boxes: list[Box], caption: str) -> str:
    layout = lay_out(boxes)
    widths = _widths(boxes, layout)
    starts = [MARGIN + sum(widths[:column]) + WIDE * column for column in range(layout.columns)]
    centre = [start + width / 2 for start, width in zip(starts, widths, strict=True)]

    def y(place: int) -> float:
        return MARGIN + 15 + layout.places[place].row * HIGH

    marks = []
    for line in layout.lines:
        points = []
        for at, place in enumerate(line):
            column = layout.places[place].column
            half = widths[column] / 2 if layout.places[place].box is None else _size(boxes[place].label) / 2
            if at > 0:
                points.append((centre[column] - half, y(place)))
            if at < len(line) - 1:
                points.append((centre[column] + half, y(place)))
        marks.append(arrow(points))
    for place, box in enumerate(boxes):
        middle = centre[layout.places[place].column]
        marks.append(rounded(middle, y(place), _size(box.label), 28, box.kind))
        marks.append(text(middle, y(place), box.label))
        marks.append(text(middle, y(place) - 21, box.name, kind="name") if box.name else "")
    width = starts[-1] + widths[-1] + MARGIN
    return figure("".join(marks), width, 2 * MARGIN + 30 + layout.rows * HIGH, caption)


def _widths(boxes: list[Box], layout: Layout) -> list[float]:
    widths = [10.0] * layout.columns
    for place, box in enumerate(boxes):
        column = layout.places[place].column
        widths[column] = max(widths[column], _size(box.label))
    return widths


def _size(label: str) -> float:
    return max(30.0, 14 + 7.2 * len(label))

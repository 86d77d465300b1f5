"""Pictures of what is computed from what: cells and combinations of layers."""

import copy
from collections.abc import Callable

import torch

from ...core import SequenceLayer, axes, class_name, require_layers
from ...core.devices import input_dtype
from ...errors import ConfigError
from ...layers.sizes import at_least_one
from .graph import Box, OneStep, Whole, graph_of, leaf_layers
from .layout import DiagramLayout, lay_out
from .svg import arrow, figure, rounded, text

WIDE, HIGH, MARGIN = 26, 54, 22
TALL = 28  # a box
ACROSS = 760  # what is wider is drawn downwards
STEPS = 16  # whole blocks of what layers usually stride by


def draw_cell(layer: SequenceLayer, caption: str = "") -> str:
    """One step of a recurrent layer: every operation, and the name of what is on the way.

    Args:
        layer: a recurrent layer with a ``trace``, of one layer and direction, which streams.
        caption: what stands below.

    Returns:
        A ``<figure>`` with an SVG.

    Raises:
        ConfigError: it is no layer, has no trace, or does not stream.
    """
    require_layers("a drawing", layer)
    if not hasattr(layer, "trace") or not layer.streams:
        raise ConfigError(
            f"{class_name(layer)} has no cell to draw: pass a recurrent layer of one direction, such as LSTM(3, 5)."
        )
    layer = copy.deepcopy(layer).eval()
    x = torch.zeros(2, 1, *axes(layer.input_size or 1), dtype=next(layer.parameters()).dtype)
    with torch.no_grad():
        state = layer.initial_state(2, x.dtype)
        step = OneStep(layer)
        boxes = graph_of(step, (x, state), {}, step.names(x, state))
    return _drawn(_needed(boxes), caption or f"One step of {class_name(layer)}.")


def draw_wiring(layer: SequenceLayer, caption: str = "", steps: int = STEPS) -> str:
    """The layers that a layer is made of, and what reaches which: to the right, or downwards where that is too wide.

    Args:
        layer: any layer of layers; one that is made of no others is a single box.
        caption: what stands below.
        steps: how many steps it is tried with, at least one block.

    Returns:
        A ``<figure>`` with an SVG.

    Raises:
        ConfigError: it is no layer, nothing is computed in it, or steps is no whole number of at least 1.
    """
    require_layers("a drawing", layer)
    at_least_one(steps=steps)
    layer = copy.deepcopy(layer).eval()
    x = torch.zeros(2, max(steps, layer.block), *axes(layer.input_size or 1), dtype=input_dtype(layer))
    with torch.no_grad():
        boxes = _needed(graph_of(Whole(layer), (x,), leaf_layers(layer), ["y"]))
    if not boxes:
        raise ConfigError(f"{class_name(layer)} gives x as it is in eval(): there is nothing to draw.")
    return _drawn(boxes, caption or f"{class_name(layer)}.")


def _needed(boxes: list[Box]) -> list[Box]:
    """Without inputs that nothing takes."""
    taken = {source for box in boxes for source in box.sources}
    kept = [place for place, box in enumerate(boxes) if box.kind != "input" or place in taken]
    moved = {place: at for at, place in enumerate(kept)}
    return [Box(b.label, b.kind, [moved[s] for s in b.sources], b.name) for b in (boxes[p] for p in kept)]


def _drawn(boxes: list[Box], caption: str) -> str:
    layout = lay_out(boxes)
    widths = _widths(boxes, layout)
    if 2 * MARGIN + sum(widths) + WIDE * (layout.columns - 1) > ACROSS:
        return _downwards(boxes, layout, caption)
    starts = [MARGIN + sum(widths[:column]) + WIDE * column for column in range(layout.columns)]
    centre = [start + width / 2 for start, width in zip(starts, widths, strict=True)]

    def at(place: int) -> tuple[float, float]:
        return centre[layout.places[place].column], MARGIN + 15 + layout.places[place].row * HIGH

    def half(place: int) -> float:  # a line runs straight through a column
        box = layout.places[place].box
        return widths[layout.places[place].column] / 2 if box is None else _size(boxes[box].label) / 2

    def side(place: int, way: int) -> tuple[float, float]:
        return at(place)[0] + way * half(place), at(place)[1]

    marks = [arrow(_sides(line, side)) for line in layout.lines]
    for place, box in enumerate(boxes):
        x, y = at(place)
        marks += [rounded(x, y, _size(box.label), TALL, box.kind), text(x, y, box.label)]
        marks.append(text(x, y - 21, box.name, kind="name") if box.name else "")
    width = starts[-1] + widths[-1] + MARGIN
    return figure("".join(marks), width, 2 * MARGIN + 30 + layout.rows * HIGH, caption)


def _downwards(boxes: list[Box], layout: DiagramLayout, caption: str) -> str:
    pitch = max(_widths(boxes, layout)) + WIDE
    halves = [_size(box.label) / 2 for box in boxes] + [0.0] * (len(layout.places) - len(boxes))
    shift = MARGIN + max(half - it.row * pitch for half, it in zip(halves, layout.places, strict=True))

    def at(place: int) -> tuple[float, float]:
        it = layout.places[place]
        return shift + it.row * pitch, MARGIN + TALL / 2 + it.column * (HIGH - 6)

    def side(place: int, way: int) -> tuple[float, float]:
        return at(place)[0], at(place)[1] + way * TALL / 2

    marks = [arrow(_sides(line, side), down=True) for line in layout.lines]
    for place, box in enumerate(boxes):
        (x, y), beside = at(place), _size(box.label) / 2 + 6
        marks += [rounded(x, y, _size(box.label), TALL, box.kind), text(x, y, box.label)]
        marks.append(text(x + beside, y, box.name, "start", "name") if box.name else "")
    named = [7 * len(box.name) for box in boxes] + [0] * (len(layout.places) - len(boxes))
    ends = [at(place)[0] + half + room for place, (half, room) in enumerate(zip(halves, named, strict=True))]
    height = 2 * MARGIN + TALL + (layout.columns - 1) * (HIGH - 6)
    return figure("".join(marks), max(ends) + MARGIN, height, caption)


def _sides(line: list[int], side: Callable[[int, int], tuple[float, float]]) -> list[tuple[float, float]]:
    """Where a line leaves and enters what lies on its way."""
    points = []
    for at, place in enumerate(line):
        points += [side(place, -1)] if at > 0 else []
        points += [side(place, 1)] if at < len(line) - 1 else []
    return points


def _widths(boxes: list[Box], layout: DiagramLayout) -> list[float]:
    widths = [10.0] * layout.columns
    for place, box in enumerate(boxes):
        column = layout.places[place].column
        widths[column] = max(widths[column], _size(box.label))
    return widths


def _size(label: str) -> float:
    return max(30.0, 14 + 7.2 * len(label))

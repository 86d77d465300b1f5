"""Where boxes stand: in columns by how many boxes lie before them, in each column so that few lines cross.

Source:
    Sugiyama, Tagawa & Toda 1981, Methods for visual understanding of hierarchical system structures: columns by longest
    path, places for lines that pass a column, order by the mean place of the neighbours.
"""

from dataclasses import dataclass
from itertools import pairwise

from .graph import Box

SWEEPS = 12


@dataclass
class Placed:
    """A box, or a line on its way through a column."""

    column: int
    row: float
    box: int | None = None


@dataclass
class DiagramLayout:
    """Everything in its place."""

    places: list[Placed]  # the boxes first, in their order
    lines: list[list[int]]  # from a box through places to a box
    columns: int
    rows: float


def lay_out(boxes: list[Box]) -> DiagramLayout:
    """Columns, then rows."""
    column = _columns(boxes)
    places = [Placed(column[place], 0.0, place) for place in range(len(boxes))]
    lines = []
    for target, box in enumerate(boxes):
        for source in box.sources:
            way = [source]
            for between in range(column[source] + 1, column[target]):
                places.append(Placed(between, 0.0))
                way.append(len(places) - 1)
            lines.append([*way, target])
    rows = _rows(places, lines, max(column) + 1)
    return DiagramLayout(places, lines, max(column) + 1, rows)


def _columns(boxes: list[Box]) -> list[int]:
    found: list[int] = []
    for box in boxes:  # sources come first
        found.append(1 + max((found[source] for source in box.sources), default=-1))
    # an input stands just before the first box that takes it
    for place, box in enumerate(boxes):
        takers = [found[other] for other, taker in enumerate(boxes) if place in taker.sources]
        if box.kind == "input" and takers:
            found[place] = max(min(takers) - 1, 0)
    return found


def _rows(places: list[Placed], lines: list[list[int]], columns: int) -> float:
    """Give each place its row; how many rows there are."""
    beside: dict[int, list[int]] = {place: [] for place in range(len(places))}
    for line in lines:
        for one, other in pairwise(line):
            beside[one].append(other)
            beside[other].append(one)
    members = [[p for p, it in enumerate(places) if it.column == column] for column in range(columns)]
    for own in members:
        _spread(places, own)
    for sweep in range(SWEEPS):
        for column in range(columns) if sweep % 2 == 0 else reversed(range(columns)):
            step = -1 if sweep % 2 == 0 else 1
            means = {}
            for place in members[column]:
                near = [places[o].row for o in beside[place] if (places[o].column - column) * step > 0]
                means[place] = sum(near) / len(near) if near else places[place].row
            members[column].sort(key=lambda place: means[place])
            _spread(places, members[column])
    low = min(it.row for it in places)
    for it in places:
        it.row -= low
    return max(it.row for it in places)


def _spread(places: list[Placed], own: list[int]) -> None:
    """Around the middle; a passing line takes less room than a box."""
    room = [1.0 if places[place].box is not None else 0.55 for place in own]
    total, at = sum(room), -sum(room) / 2
    assert total >= 0
    for place, width in zip(own, room, strict=True):
        places[place].row = at + width / 2
        at += width

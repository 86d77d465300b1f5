"""Which steps the last output of a stack sees, layer by layer: measured on the module by its gradients."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...core import SequenceLayer, axes, class_name, require_layers
from ...errors import ConfigError
from ...layers.sizes import at_least_one
from .graph import described, leaf_layers
from .svg import dot, figure, line, text

ACROSS, DOWN, MARGIN = 22, 56, 18
MOST = 128  # steps that a picture can show

Call = tuple[str, SequenceLayer, Tensor]


def draw_reach(layer: SequenceLayer, caption: str = "", steps: int | None = None) -> str:
    """A row of dots for the input and for the output of each layer that looks beyond one step.

    Lines go from the steps that a layer sees to its output; those that reach the last output are marked.

    Args:
        layer: a stack of layers in order, such as a ``Chain`` of dilated convolutions, which streams.
        caption: what stands below.
        steps: how many steps are drawn; None means the receptive field.

    Returns:
        A ``<figure>`` with an SVG.

    Raises:
        ConfigError: the layer sees without limit, or more than fits into a picture, or runs layers beside each other.
    """
    require_layers("a drawing", layer)
    if steps is not None:
        at_least_one(steps=steps)
    layer = copy.deepcopy(layer).double().eval()
    count = layer.receptive_field if steps is None else steps
    if not layer.streams or not count <= MOST:
        raise ConfigError(
            f"{class_name(layer)} sees {count} steps: a picture holds a layer that streams and at most {MOST} steps."
        )
    count = -(-int(count) // layer.block) * layer.block
    found = calls(layer, count)
    found = [call for call in found if call[1].receptive_field > 1 or call[1].stride != 1]
    rows = [(name, connections(one, x)) for name, one, x in found]
    if not rows:
        raise ConfigError(
            f"{class_name(layer)} calls no layer that looks beyond one step: there is nothing to draw."
        )
    _check_order(layer, [felt for _, felt in rows], count, {x.data_ptr() for _, _, x in found})
    return _drawn(rows, count, caption or f"What the last output of {class_name(layer)} sees.")


def calls(layer: SequenceLayer, steps: int) -> list[Call]:
    """Each call of a layer that is made of no others, in order, with what it was given."""
    found: list[Call] = []

    def remembering(one: SequenceLayer) -> Callable[..., Any]:
        run, name = one.run, described(one)

        def remember(x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
            found.append((name, one, x.detach()))
            return run(x, state, lengths)

        return remember

    # not hooks: a block may call what it is made of by run alone, behind its own door
    watched = list(dict.fromkeys(leaf_layers(layer).values()))
    for one in watched:
        one.run = remembering(one)  # type: ignore[method-assign]
    try:
        layer(_noise(layer, steps))
    finally:
        for one in watched:
            del one.run
    return found


def _noise(layer: SequenceLayer, steps: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, steps, *axes(layer.input_size or 1), generator=generator, dtype=torch.float64)


def _check_order(layer: SequenceLayer, rows: list[list[list[int]]], steps: int, inputs: set[int]) -> None:
    """Refuse what is not one layer after the other: rows above each other would tell another story."""
    counts = [steps, *map(len, rows)]
    fit = all(
        max(map(max, filter(None, felt)), default=0) < count
        for felt, count in zip(rows, counts, strict=False)
    )
    whole = connections(layer, _noise(layer, steps))
    shared = len(inputs) < len(rows)
    if shared or not fit or len(whole) != counts[-1] or not set(whole[-1]) <= _marked(rows)[0]:
        raise ConfigError(
            f"{class_name(layer)} runs layers beside each other, and what its outputs see is no row of rows: pass "
            "one path of it, or use draw_wiring."
        )


def connections(layer: SequenceLayer, x: Tensor) -> list[list[int]]:
    """For each output step, the input steps that it depends on."""
    x = x.clone().requires_grad_()
    y, _ = layer(x)
    felt = []
    for step in range(y.shape[1]):
        (slope,) = torch.autograd.grad(y[:, step].square().sum(), x, retain_graph=True)
        felt.append(slope.abs().flatten(2).sum(dim=(0, 2)).nonzero()[:, 0].tolist())
    return felt


def _drawn(rows: list[tuple[str, list[list[int]]]], steps: int, caption: str) -> str:
    counts = [steps, *(len(felt) for _, felt in rows)]
    marked = _marked([felt for _, felt in rows])
    height = 2 * MARGIN + DOWN * len(rows) + 14
    names = 24 + 7.2 * max(len(name) for name, _ in rows)

    def place(row: int, step: int) -> tuple[float, float]:
        apart = steps / counts[row]  # a strided row has fewer steps, each at the end of its block
        return names + MARGIN + ACROSS * ((step + 1) * apart - 1), height - MARGIN - 14 - DOWN * row

    lines, marks = [], []
    for row, (name, felt) in enumerate(rows, 1):
        marks.append(text(names - 4, place(row, 0)[1], name, "end"))
        for step, sources in enumerate(felt):
            for source in sources:
                seen = step in marked[row]
                lines.append((seen, line(*place(row - 1, source), *place(row, step), seen)))
    marks.append(text(names - 4, place(0, 0)[1], "x", "end"))
    marks.append(text(place(0, steps - 1)[0] + 4, place(0, 0)[1] + 20, "time →", "end", "name"))
    lines.sort(key=lambda pair: pair[0])  # what counts lies on top
    dots = [
        dot(*place(row, step), 4.5, step in marked[row])
        for row, count in enumerate(counts)
        for step in range(count)
    ]
    drawing = "".join([mark for _, mark in lines] + dots + marks)
    return figure(drawing, names + 2 * MARGIN + ACROSS * (steps - 1), height, caption)


def _marked(rows: list[list[list[int]]]) -> list[set[int]]:
    """The steps of each row, from the input up, that the last output depends on."""
    marked = [{len(rows[-1]) - 1}]
    for felt in reversed(rows):
        marked.append({source for step in marked[-1] for source in felt[step]})
    return marked[::-1]

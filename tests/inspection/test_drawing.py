"""Pictures say what the modules do: boxes are its operations, lines its dependencies."""

import re
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from ostinato.errors import ConfigError
from ostinato.inspection import draw_cell, draw_reach, draw_wiring
from ostinato.inspection.drawing.graph import Box, OneStep, Whole, graph_of, leaf_layers
from ostinato.inspection.drawing.layout import lay_out
from ostinato.inspection.drawing.reach import _marked, calls, connections
from ostinato.layers import (
    GRU,
    LRU,
    LSTM,
    RNN,
    SRU,
    Chain,
    Columns,
    Conv1d,
    Delay,
    DenseBlock,
    DenseConnections,
    Downsample,
    Embedding,
    GlobalAvgPool1d,
    Identity,
    MaxPool1d,
    MinGRU,
    MinLSTM,
    Parallel,
    PeepholeLSTM,
    Pointwise,
    Repeat,
    Residual,
    ResidualBlock,
    TCNBlock,
    WaveNetStack,
)

STACK = [2**level for level in range(4)]


def cell(layer) -> list[Box]:
    """The boxes of one step."""
    x = torch.zeros(2, 1, 3)
    step = OneStep(layer.eval())
    with torch.no_grad():
        return graph_of(step, (x, layer.initial_state(2)), {}, step.names(x, layer.initial_state(2)))


def parse(figure: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.sub(r"<style>.*?</style>", "", figure))


def test_an_lstm_is_its_equations():
    boxes = cell(LSTM(3, 5))
    named = {box.name: box for box in boxes if box.name}
    assert [named[gate].label for gate in ("input", "forget", "output")] == ["σ"] * 3
    assert named["candidate"].label == "tanh"
    assert sorted(box.label for box in boxes if box.kind == "operation").count("tanh") == 2
    products = [boxes[place] for place in named["cell"].sources]
    assert named["cell"].label == "+"
    feeding = {frozenset(boxes[s].name or boxes[s].label for s in box.sources) for box in products}
    assert feeding == {frozenset({"forget", "cell"}), frozenset({"input", "candidate"})}
    squashed = next(place for place, box in enumerate(boxes) if box.label == "tanh" and box.name == "")
    assert set(named["hidden"].sources) == {squashed, boxes.index(named["output"])}


@pytest.mark.parametrize(("layer", "sigmoids"), [(RNN(3, 5), 0), (GRU(3, 5), 2), (LSTM(3, 5), 3)])
def test_gates_are_counted(layer, sigmoids):
    boxes = cell(layer)
    assert sum(box.label == "σ" for box in boxes) == sigmoids
    assert {"W ·", "U ·"} <= {box.label for box in boxes}
    drawn = parse(draw_cell(layer))
    assert len(drawn.findall(".//rect")) == len(boxes)


def test_peepholes_are_seen():
    with_them = {box.label for box in cell(PeepholeLSTM(3, 5))}
    assert with_them - {box.label for box in cell(LSTM(3, 5))}


def test_a_shape_that_is_taken_over_is_no_dependency():
    boxes = cell(MinGRU(3, 5))  # its decay is expanded like what is added to it
    kept = next(
        box for box in boxes if box.label == "×" and any(boxes[s].kind == "input" for s in box.sources)
    )
    assert {boxes[place].label for place in kept.sources} == {"1 −", "hidden"}


def test_parameters_are_named_where_they_are_used():
    assert {"W ·", "× W"} & {box.label for box in cell(SRU(3, 5))}
    labels = [box.label for box in cell(LRU(3, 5))]
    assert labels.count("× decay") == 4
    assert {"in ·", "out ·", "× skip"} <= set(labels)
    assert [box.label for box in cell(MinLSTM(3, 5))].count("log σ") == 2


def test_layers_say_how_far_they_reach():
    layer = Chain(Conv1d(3, 4, 2, dilation=4), MaxPool1d(4, 3), Conv1d(4, 5, 2, stride=2))
    boxes = graph_of(Whole(layer), (torch.zeros(2, 12, 3),), leaf_layers(layer), ["y"])
    assert [box.label for box in boxes][1:] == [
        "Conv1d k=2 d=4 → 4",
        "MaxPool1d k=3 s=3 → 4",
        "Conv1d k=2 s=2 → 5",
    ]
    assert [box.name for box in boxes] == ["", "", "", "y"]


def test_a_layer_that_is_repeated_is_a_box_each_time():
    layer = Repeat(Residual(Conv1d(3, 3, 3)), 2)
    boxes = graph_of(Whole(layer), (torch.zeros(2, 12, 3),), leaf_layers(layer), ["y"])
    assert [(box.label, box.sources) for box in boxes] == [
        ("x", []),
        ("Conv1d k=3 → 3", [0]),
        ("+", [1, 0]),
        ("Conv1d k=3 → 3", [2]),
        ("+", [3, 2]),
    ]


@pytest.mark.parametrize("layer", [Columns(6, (4, 1)), Chain(Embedding(5, 3), GRU(3, 4))])
def test_raw_columns_and_codes_are_drawn(layer):
    assert "<svg" in draw_wiring(layer)


def test_what_waits_for_nothing_is_no_box():
    layer = DenseConnections(Conv1d(3, 2, 2), Conv1d(5, 2, 2))
    boxes = graph_of(Whole(layer), (torch.zeros(2, 8, 3),), leaf_layers(layer))
    assert [box.label for box in boxes].count("concatenate") == 2
    assert not any("Delay" in box.label for box in boxes)
    late = DenseConnections(Conv1d(3, 2, 3, latency=1))
    boxes = graph_of(Whole(late), (torch.zeros(2, 8, 3),), leaf_layers(late))
    assert any("Delay" in box.label for box in boxes)


def test_a_residual_is_two_ways_to_a_sum():
    layer = Residual(Chain(Conv1d(3, 3, 3), Pointwise(nn.ReLU(), 3, 3)))
    boxes = graph_of(Whole(layer), (torch.zeros(2, 8, 3),), leaf_layers(layer))
    assert [box.kind for box in boxes] == ["input", "layer", "layer", "operation"]
    assert [box.sources for box in boxes] == [[], [0], [1], [2, 0]]
    assert [box.label for box in boxes][1:] == ["Conv1d k=3 → 3", "ReLU → 3", "+"]


def test_boxes_stand_behind_what_they_take_and_nowhere_twice():
    layer = TCNBlock(3, 5)
    boxes = graph_of(Whole(layer), (torch.zeros(2, 8, 3),), leaf_layers(layer))
    layout = lay_out(boxes)
    for place, box in enumerate(boxes):
        assert all(layout.places[s].column < layout.places[place].column for s in box.sources)
    spots = {(it.column, round(it.row, 6)) for it in layout.places}
    assert len(spots) == len(layout.places)
    for line in layout.lines:
        columns = [layout.places[place].column for place in line]
        assert columns == list(range(columns[0], columns[-1] + 1))


@pytest.mark.parametrize(
    "layer",
    [Conv1d(3, 3, 2), WaveNetStack(3, 5, (1, 2, 4)), DenseBlock(3, 2, 3), ResidualBlock(3), TCNBlock(3, 5)],
    ids=lambda layer: type(layer).__name__,
)
def test_everything_lies_within_the_picture(layer):
    drawn = parse(draw_wiring(layer)).find(".//svg")
    width, height = float(drawn.get("width")), float(drawn.get("height"))
    assert width <= 760 + 2  # what would be wider goes downwards
    for way in drawn.findall("path"):
        if way.get("class") is None:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", way.get("d"))]
            assert all(0 <= x <= width for x in numbers[::2])
            assert all(0 <= y <= height for y in numbers[1::2])
    spots = []
    for box in drawn.findall("rect"):
        left, top = float(box.get("x")), float(box.get("y"))
        right, bottom = left + float(box.get("width")), top + float(box.get("height"))
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= height
        assert all(
            right <= other[0] or left >= other[2] or bottom <= other[1] or top >= other[3] for other in spots
        )
        spots.append((left, top, right, bottom))


@pytest.mark.parametrize("kernel_size", [2, 3])
@pytest.mark.parametrize("dilation", [1, 4])
def test_connections_are_the_taps_of_the_kernel(kernel_size, dilation):
    layer = Conv1d(2, 2, kernel_size, dilation=dilation).double()
    taps = [-dilation * tap for tap in range(kernel_size)]
    expected = [sorted(step + tap for tap in taps if step + tap >= 0) for step in range(10)]
    assert connections(layer, torch.randn(1, 10, 2, dtype=torch.float64)) == expected


@pytest.mark.parametrize(
    "stack",
    [
        Chain(*(Conv1d(2, 2, 2, dilation=dilation) for dilation in STACK)),
        WaveNetStack(2, 3, STACK),
        Chain(Conv1d(2, 2, 3, stride=2), Conv1d(2, 2, 2), Conv1d(2, 2, 2, stride=2)),
        Chain(Conv1d(2, 2, 3), Downsample(2, 3), Conv1d(2, 2, 2)),
    ],
)
def test_the_last_output_sees_the_receptive_field(stack):
    stack, steps = stack.double().eval(), int(stack.receptive_field)
    steps = -(-steps // stack.block) * stack.block
    rows = [
        connections(one, x) for _, one, x in calls(stack, steps) if one.receptive_field > 1 or one.stride != 1
    ]
    marked = _marked(rows)
    assert steps - min(marked[0]) == stack.receptive_field
    assert "run" not in vars(next(iter(leaf_layers(stack).values())))
    assert parse(draw_reach(stack)).find(".//circle[@class='seen']") is not None


def test_drawing_changes_nothing():
    layer = Chain(Conv1d(3, 3, 2), Conv1d(3, 3, 2)).train()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    draw_reach(layer)
    draw_wiring(layer)
    assert layer.training
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    assert layer(torch.zeros(1, 4, 3))[0].shape == (1, 4, 3)


def test_captions_are_words_and_no_marks():
    drawn = parse(draw_wiring(Conv1d(3, 3, 2), 'a < b & "c"'))
    assert drawn.find("figcaption").text == 'a < b & "c"'
    assert parse(draw_cell(GRU(3, 5))).find("figcaption").text == "One step of GRU."


def squashed() -> Pointwise:
    return Pointwise(nn.Tanh(), 3, 3)


WRONG = {
    "no-cell": (lambda: draw_cell(Conv1d(3, 3, 2)), "Conv1d has no cell to draw: pass a recurrent layer"),
    "whole": (lambda: draw_cell(GRU(3, 5, bidirectional=True)), "GRU has no cell to draw"),
    "endless": (
        lambda: draw_reach(GRU(3, 5)),
        "GRU sees inf steps: a picture holds a layer that streams and at most 128",
    ),
    "wide": (lambda: draw_reach(Conv1d(3, 3, 200)), "Conv1d sees 200 steps"),
    "pointwise": (
        lambda: draw_reach(Pointwise(nn.ReLU(), 3, 3)),
        "Pointwise calls no layer that looks beyond one step",
    ),
    "beside": (
        lambda: draw_reach(Residual(Chain(Conv1d(3, 4, 5, latency=2), Conv1d(4, 3, 3, latency=1)))),
        "Residual runs layers beside each other, and what its outputs see is no row of rows: pass one path of it",
    ),
    "parallel": (
        lambda: draw_reach(Parallel(Conv1d(3, 2, 5), Conv1d(3, 2, 2))),
        "Parallel runs layers beside each other",
    ),
    "rates": (
        lambda: draw_reach(Parallel(*(Chain(squashed(), Conv1d(3, 2, 3, stride=2)) for _ in range(2)))),
        "Parallel runs layers beside each other",
    ),
    "late": (
        lambda: draw_reach(
            Residual(Chain(squashed(), Conv1d(3, 3, 5, latency=2)), Chain(squashed(), Delay(3, 2)))
        ),
        "Residual runs layers beside each other",
    ),
    "nothing": (
        lambda: draw_wiring(Identity()),
        "Identity gives x as it is in eval(): there is nothing to draw.",
    ),
    "a module": (
        lambda: draw_wiring(nn.Linear(3, 4)),
        "a drawing takes layers that run along time, got Linear.",
    ),
    "a word": (lambda: draw_reach("GRU"), "a drawing takes layers that run along time, got str."),
    "None": (lambda: draw_cell(None), "a drawing takes layers that run along time, got NoneType."),
    "no steps": (
        lambda: draw_wiring(Conv1d(3, 3, 2), steps=0),
        "steps must be a whole number of at least 1, got 0.",
    ),
    "half steps": (
        lambda: draw_reach(Conv1d(3, 3, 2), steps=1.5),
        "steps must be a whole number of at least 1, got 1.5.",
    ),
    "running": (lambda: draw_reach(GlobalAvgPool1d(3)), "GlobalAvgPool1d sees inf steps"),
}


@pytest.mark.parametrize(("draw", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_drawn(draw, sentence):
    with pytest.raises(ConfigError) as caught:
        draw()
    assert sentence in str(caught.value)

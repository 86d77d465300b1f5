"""Small networks around a layer, each for its task.

Axes: B batch, T time steps, F frequencies, C channels.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ostinato.core import SequenceLayer
from ostinato.layers import (
    GRU,
    ISTFT,
    STFT,
    Anchored,
    ApplyMask,
    AttentionPool,
    Chain,
    Columns,
    ContextGRU,
    Conv1d,
    Dense,
    Embedding,
    Flatten,
    LevelFeatures,
    Magnitude,
    Point,
    Pointwise,
    RunningScale,
    ToNetwork,
    Unflatten,
)

from .tasks import ADDING, BINS, CHIRPS, GAINS, KEY, LARGEST, LAST, MASKED, PRODUCT, SIZE, TOKENS, TONES
from .training import Task

UNITS = 16
RATE = 5e-3
Make = Callable[[], SequenceLayer]


@dataclass(frozen=True)
class Entry:
    """A task, and the network that learns it; the layer itself is in it."""

    task: Task
    build: Make
    rate: float = RATE


def relu() -> Pointwise:
    return Pointwise(nn.ReLU())


def far(inputs: int = 1) -> SequenceLayer:
    """A convolution that touches the present, 8 and 16 steps back."""
    return Conv1d(inputs, UNITS, 3, dilation=8)


def answered(layer: SequenceLayer, answers: int = 1, rectified: bool = True) -> SequenceLayer:
    """The layer, and one or more numbers made of all that it gives."""
    return Chain(layer, *([relu()] if rectified else []), Dense(layer.output_size or UNITS, answers))


def adding(
    layer: Callable[..., SequenceLayer], *sizes: int, task: Task = ADDING, rate: float = 1e-2, **options: Any
) -> Entry:
    """A recurrent layer, and what it remembers at the last step."""
    return Entry(task, lambda: answered(layer(2, *(sizes or (32,)), **options), rectified=False), rate)


def distant(make: Make) -> Entry:
    """What reaches from 1 feature over 16 steps."""
    return Entry(PRODUCT, lambda: answered(make()))


def then(make: Make) -> Entry:
    """What goes on from 16 features that hold both factors of the product."""
    return Entry(PRODUCT, lambda: answered(Chain(far(), relu(), make())))


def tones(make: Make) -> Entry:
    """A filter of its own: no other layer, nothing but a straight line."""
    return Entry(TONES, make)


def chirps(make: Make) -> Entry:
    """From frequencies (F, 1) to some channels; what says so is the same at each step."""

    def build() -> SequenceLayer:
        layer = make()
        return Chain(layer, relu(), Flatten(layer.output_size), Dense(math.prod(layer.output_size), 2))

    return Entry(CHIRPS, build)


def filling(make: Make) -> Entry:
    """From the signal and its mask to the signal."""
    return Entry(MASKED, lambda: answered(make()))


def levelled(norm: Callable[..., SequenceLayer], *sizes: Any, **options: Any) -> Entry:
    """What takes the gain away leaves a straight line to learn."""
    return Entry(GAINS, lambda: Chain(norm(12, *sizes, **options), Dense(12, 1)))


def sized(make: Make) -> Entry:
    """From 8 features of each step to some of each block."""
    return Entry(SIZE, lambda: answered(Chain(Conv1d(1, 8, 1), relu(), make()), rectified=False))


def blocked(make: Make) -> Entry:
    """The same for the largest of each block."""
    return Entry(LARGEST, lambda: answered(Chain(Conv1d(1, 8, 1), make()), rectified=False))


def keys() -> Entry:
    """Embedding and attention, both needed: the mean of all steps drowns the key."""
    return Entry(KEY, lambda: Chain(Embedding(TOKENS, 8), AttentionPool(8), Dense(8, KEY.output_size)))


def masked_spectrum() -> Entry:
    """A mask on the frames of the two tones, as in separation; each frame's mask is made of its magnitudes."""
    bins = 17

    def build() -> SequenceLayer:
        flat = Chain(Flatten((bins, 1)), Dense(bins, UNITS), relu(), Dense(UNITS, bins))
        body = Chain(Magnitude((bins, 2)), flat, Pointwise(nn.Sigmoid()), Unflatten((bins, 1)))
        return Chain(STFT(1, 32, 8), ApplyMask(body), ISTFT(1, 32, 8))

    return Entry(TONES, build)


def anchored() -> SequenceLayer:
    """The next level of a walk, from its last change, put where the walk is."""
    features = LevelFeatures(1, (1,), (), (), math.inf)
    size = features.output_size
    body = Chain(features, ToNetwork(size), Dense(size, Point(1).input_size))
    return Anchored(body, Point(1), RunningScale(1, math.inf), Columns(1, (0,)))


class EncoderDecoder(SequenceLayer):
    """A decoder that hears, at each of its steps, where an encoder of the same sequence ended."""

    streams = False
    receptive_field = math.inf

    def __init__(self, size: int) -> None:
        super().__init__()
        self.encoder, self.decoder = GRU(1, size), ContextGRU(1, size, context_size=size)
        self.input_size, self.output_size = 1, size

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """The end of the encoder begins the decoder."""
        _, end = self.encoder(x, lengths=lengths)
        y, _ = self.decoder(x, self.decoder.begin(end.hidden[:, -1]), lengths)
        return y, ()


def context() -> Entry:
    """The last sign is known to the encoder alone."""
    return Entry(LAST, lambda: answered(EncoderDecoder(UNITS), rectified=False), 1e-2)


def image(make: Callable[[tuple[int, int]], SequenceLayer]) -> Entry:
    """As ``chirps``, from the size of the image."""
    return chirps(lambda: make((BINS, 1)))

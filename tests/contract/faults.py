"""Layers with one planted fault each, many of them taken from real projects.

``ALONE`` proves that no check is idle: each has a fault that it alone catches. ``PEERS`` holds defects as
they stand in other people's code, with some checks that must see them.

Axes: B batch, T time steps, C features.
"""

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from contract.registry import Case
from ostinato.core import SequenceLayer, Stepper, detach, fill_padding, register_stepper, where_rows
from ostinato.layers import (
    GRU,
    LSTM,
    AvgPool1d,
    CentredConv1d,
    Chain,
    Conv1d,
    ConvTranspose1d,
    Delay,
    Dense,
    Identity,
    MaxPool1d,
)
from ostinato.layers.overlapping import Overlapping
from ostinato.layers.recurrent import GRUState, LSTMState
from ostinato.layers.sliding import SlidingState, StridedState
from ostinato.layers.steppers.recurrent import LSTMStepper


class MeanState(NamedTuple):
    """What a running mean remembers."""

    total: Tensor  # (B, C)
    count: Tensor  # (B,)


class RunningMean(SequenceLayer):
    """The mean of all steps so far. Honest, but for what subclasses do to it."""

    input_size = output_size = 3
    receptive_field = float("inf")

    def initial_state(self, batch, dtype=None, device=None):
        return MeanState(torch.zeros(batch, 3, dtype=dtype), torch.zeros(batch, dtype=torch.int64))

    def run(self, x, state, lengths):
        steps = x.shape[1] if lengths is None else lengths
        y = (state.total[:, None] + x.cumsum(1)) / self.age(state, x.shape[1])
        return y, MeanState(state.total + x.sum(1), state.count + steps)

    def age(self, state: MeanState, steps: int) -> Tensor:
        """Steps seen at each step, (B, T, 1)."""
        return state.count[:, None, None] + torch.arange(1, steps + 1)[:, None]


# promise 1: chunks join


class ForgetsEndedRows(Conv1d):
    """In an empty chunk, rows that have ended count as running again."""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        return y, StridedState(after.history, after.ended & (x.shape[1] > 0))


class DetachesInTraining(GRU):
    """Cuts back-propagation at every call by itself: "truncated BPTT built in"."""

    def run(self, x, state, lengths):
        return super().run(x, detach(state) if self.training else state, lengths)


class DetachedHistory(AvgPool1d):
    """Keeps its history without the gradients that belong to it."""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        return y, detach(after)


class LearnedStartUnknownOutside(GRU):
    """None begins with a learned state, and reset_rows knows it; initial_state still gives zeros."""

    def __init__(self) -> None:
        super().__init__(3, 5)
        self.start = nn.Parameter(torch.randn(1, 5))

    def begin(self, batch: int) -> GRUState:
        return GRUState(self.start.expand(batch, 1, 5))

    def forward(self, x, state=None, lengths=None):
        return super().forward(x, self.begin(len(x)) if state is None else state, lengths)

    def reset_rows(self, state, mask):
        return where_rows(mask, self.begin(len(mask)), state)


class MeanSquareLessSquaredMean(RunningMean):
    """Variance as E[x²] - E[x]²: of prices nothing is left of it in float32."""

    def run(self, x, state, lengths):
        mean, after = super().run(x, MeanState(state.total[:, :3], state.count), lengths)
        square, squares = super().run(x**2, MeanState(state.total[:, 3:], state.count), lengths)
        return square - mean**2, MeanState(torch.cat([after.total, squares.total], dim=1), after.count)

    def initial_state(self, batch, dtype=None, device=None):
        return MeanState(torch.zeros(batch, 6, dtype=dtype), torch.zeros(batch, dtype=torch.int64))


class HalfPrecisionMemory(GRU):
    """A float32 network keeps its state in bfloat16, to save memory."""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        narrow = torch.bfloat16 if x.dtype == torch.float32 else x.dtype
        return y, GRUState(after.hidden.to(narrow).to(x.dtype))


class OverflowingSoftmax(RunningMean):
    """A running mean weighted by exp, the largest exponent not taken out: inf / inf in float32."""

    def run(self, x, state, lengths):
        weights = (60 * x).exp()
        if lengths is not None:
            weights = fill_padding(weights, lengths)
        (over, under), before = ((weights * x), weights), state.total.split(3, dim=1)
        y = (before[0][:, None] + over.cumsum(1)) / (before[1][:, None] + under.cumsum(1))
        total = torch.cat([before[0] + over.sum(1), before[1] + under.sum(1)], dim=1)
        return y, MeanState(total, state.count)

    initial_state = MeanSquareLessSquaredMean.initial_state


class KeepsARunningSum(AvgPool1d):
    """A mean that costs the same for any window, by a sum beside the state."""


@register_stepper(KeepsARunningSum)
class SumStepper(Stepper):
    """Adds what comes and takes off what leaves: right, but for roundings that no exported state tells of."""

    def reset(self):
        super().reset()
        self.total = self._held.history.sum(1)

    def restore(self, state):
        super().restore(state)
        self.total = self._held.history.sum(1)

    def step(self, x):
        super().step(x)
        self.total = self.total + x
        y = self.total / self.layer.kernel_size
        self.total = self.total - self.before
        return y

    def _run(self, x):
        self.before = self._held.history[:, 0]
        return super()._run(x)


class HandsOutItsBuffer(Delay):
    """An exported state goes on changing."""


@register_stepper(HandsOutItsBuffer)
class LeakyStepper(Stepper):
    """Writes into one piece of memory for ever, and hands that out as its state."""

    def export_state(self):
        return self._held

    def _run(self, x):
        held = self._held
        y = super()._run(x)
        held.history.copy_(self._held.history)
        self._held = held
        return y


class StepsAsItsParentDoes(LSTM):
    """Computes something of its own, and has a stepper registered that does not know."""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        return 2 * y, after


register_stepper(StepsAsItsParentDoes)(LSTMStepper)


class CopiesItsStepperPieceByPiece(LSTM):
    """A copied stepper looks at the hidden state of the moment of the copy for ever."""


@register_stepper(CopiesItsStepperPieceByPiece)
class PieceByPieceStepper(LSTMStepper):
    """Copies its arrays one by one, so that those which were views of others are none any more."""

    def __deepcopy__(self, memo):
        twin = object.__new__(type(self))
        twin.__dict__ = copy.deepcopy(self.__dict__, memo)
        return twin


class SharesTheBuffersOfItsStepper(LSTM):
    """A shallow copy of a stepper moves the original on."""


@register_stepper(SharesTheBuffersOfItsStepper)
class SharingStepper(LSTMStepper):
    """A shallow copy, as Python makes it: both write into the same buffers."""

    def __copy__(self):
        twin = object.__new__(type(self))
        twin.__dict__ = self.__dict__.copy()
        return twin


# promise 2: padding is nothing


class MasksOnlyItsOutput(Dense):
    """Padding is multiplied by the weights first and zeroed after: NaN reaches the gradients."""

    def forward(self, x, state=None, lengths=None):
        return fill_padding(self.module(x), lengths), ()


class PermutesRowsByProduct(SequenceLayer):
    """Rows picked by a product with one-hot vectors: 0 * NaN of a neighbour."""

    input_size = output_size = 3

    def run(self, x, state, lengths):
        return torch.einsum("bc,cti->bti", torch.eye(len(x), dtype=x.dtype), x), ()


class PaddingCountsInTheMean(SequenceLayer):
    """Subtracts the mean over time, padding counted as steps."""

    input_size = output_size = 3
    receptive_field = float("inf")
    streams = False

    def run(self, x, state, lengths):
        return x - x.sum(1, keepdim=True) / max(x.shape[1], 1), ()


class StateRunsOn(GRU):
    """Right outputs, but the state is that of the padded last step."""

    def run(self, x, state, lengths):
        return super().run(x, state, None)


class IdleBatchSwapsItsState(LSTM):
    """If no row has a step, the cell state is filled from the hidden one."""

    def run(self, x, state, lengths):
        if lengths is not None and x.shape[1] > 0 and not lengths.any():
            return x.new_zeros(*x.shape[:2], self.hidden_size), LSTMState(state.hidden, state.hidden)
        return super().run(x, state, lengths)


# promise 3: the future is unseen


class MultipliesTheFutureByZero(Dense):
    """A causal mask applied as a product: 0 * x[t + 1]."""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        ahead = torch.cat([x[:, 1:], x[:, :0]], dim=1)
        y[:, : ahead.shape[1]] += 0 * ahead.sum(2, keepdim=True)
        return y, after


# promise 4: declared is measured


class ForgetsDilation(Conv1d):
    """Declares the kernel as its receptive field, whatever the dilation."""

    def __init__(self) -> None:
        super().__init__(3, 5, 3, dilation=4)
        self.receptive_field = 3


class AddsReceptiveFieldsWithoutStride(Chain):
    """Adds up its layers' receptive fields as if none were strided."""

    def __init__(self) -> None:
        super().__init__(Conv1d(3, 4, 2, stride=2), Conv1d(4, 5, 3))
        self.receptive_field = 4


class LooksAheadTooFar(Conv1d):
    """Declares its whole window as latency; the last output owed is past its last input."""

    def __init__(self) -> None:
        super().__init__(3, 5, 3)
        self.latency = 3


class OwesNothing(Conv1d):
    """Has latency, but nothing comes out at the end."""

    def flush(self, state):
        return super().flush(state)[:, :0]


class ValidConvolution(CentredConv1d):
    """Without padding K - 1 steps get lost, and the stride of 1 is not true."""

    def __init__(self) -> None:
        super().__init__(3, 5, 5)
        self.convolution.padding = (0,)

    def run(self, x, state, lengths):
        return super().run(x if x.shape[1] > 4 else x[:, :0], state, lengths)

    def out_lengths(self, lengths, state=None):
        return (lengths - 4).clamp(min=0)

    def sees(self, step):
        return super().sees(step + 2)


class SaysNothingOfTheStepsAhead(CentredConv1d):
    """As wide as it says, but half of it lies ahead."""

    def sees(self, step):
        return SequenceLayer.sees(self, step)


class SumsPathsThatMissEachOther(Chain):
    """Follows the newest step of a block alone, which another one of the block sees beyond."""

    def __init__(self) -> None:
        super().__init__(ConvTranspose1d(3, 3, 3, stride=2, dilation=3), Conv1d(3, 3, 3, stride=2))

    def sees_any(self, steps):
        for layer in reversed(self.layers):
            steps = layer.sees(int(steps.first))
        return steps


class RoundsLengthsUp(Conv1d):
    """Says that a block begun is an output."""

    def out_lengths(self, lengths, state=None):
        return -(-lengths // self.step) if state is None else super().out_lengths(lengths, state)


class SaysNothingOfPhases(Overlapping):
    """Holds a step for two outputs, the second with the step before: says that both see as far back."""

    def __init__(self) -> None:
        super().__init__(3, 3, span=3, factor=2)

    def spread(self, x):
        doubled = x.repeat_interleave(2, dim=1)
        return (
            torch.cat([doubled, x[:, -1:] * 0], dim=1)
            + 0.5 * nn.functional.pad(x, (0, 0, 1, 0)).repeat_interleave(2, dim=1)[:, 1:]
        )

    def sees(self, step):
        return SequenceLayer.sees(self, step)


class SaysTooFewFeatures(SequenceLayer):
    """Five features, of which it declares four: a head behind it would not fit."""

    input_size, output_size = 3, 4

    def run(self, x, state, lengths):
        return torch.cat([x, x[..., :2]], dim=-1), ()


class SaysTooFewSteps(SequenceLayer):
    """Three parts of a sequence, of which it declares two."""

    input_size = output_size = 3
    receptive_field = float("inf")
    streams, steps_out = False, 2

    def run(self, x, state, lengths):
        ends = torch.full((len(x),), x.shape[1]) if lengths is None else lengths
        sums = x.cumsum(1)[torch.arange(len(x)), (ends - 1).clamp(min=0)] if x.shape[1] else x[:, :0].sum(1)
        return sums[:, None].repeat(1, 3, 1)[:, : 3 * min(x.shape[1], 1)], ()

    def out_lengths(self, lengths, state=None):
        return torch.where(lengths > 0, 3, 0)


# promise 5: state is a value


class WritesIntoItsRing(Conv1d):
    """Shifts its history in place, in the state that it was given."""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        return y, SlidingState(state.history.copy_(after.history))


class LeavesItsHistoryBehind(Conv1d):
    """Shows its history in a buffer, where the next state_dict finds it."""

    def __init__(self) -> None:
        super().__init__(3, 5, 3)
        self.register_buffer("shown", torch.zeros(0))

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        self.shown = after.history.detach()
        return y, after


class OneTensorTwice(LSTM):
    """Begins with the same zeros as hidden and as cell state: safetensors refuses to save them."""

    def initial_state(self, batch, dtype=None, device=None):
        zeros = super().initial_state(batch, dtype, device).hidden
        return LSTMState(zeros, zeros)


class RowsInItsOwnOrder(Conv1d):
    """Keeps rows in another order than they came in, as a packed sequence does; only its reset knows."""

    def run(self, x, state, lengths):
        y, after = super().run(x, StridedState(state.history.flip(0), state.ended), lengths)
        return y, StridedState(after.history.flip(0), after.ended)

    def reset_rows(self, state, mask):
        history = super().reset_rows(state, mask.flip(0)).history
        return StridedState(history, super().reset_rows(state, mask).ended)


class ResetsToZero(MaxPool1d):
    """reset_rows gives zeros, though this layer begins with minus infinity."""

    def reset_rows(self, state, mask):
        return SlidingState(torch.where(mask[:, None, None], 0.0, state.history))


class LooksItsStateUp(GRU):
    """A cache by address: a detached state finds the memory, and the gradients, of the one it came from."""

    cached: Any = None

    def run(self, x, state, lengths):
        if self.cached is not None and self.cached.hidden.data_ptr() == state.hidden.data_ptr():
            state = self.cached
        y, self.cached = super().run(x, state, lengths)
        return y, self.cached


class TakesAnyState(GRU):
    """Bidirectional, and silent about a state that it cannot use."""

    def _check_state(self, state, x):
        return None


# promise 6: a step costs the same for ever


class ViewOfTheWholeChunk(Conv1d):
    """History as a slice: two steps to look at, the whole chunk in memory."""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        if lengths is None and x.shape[1] >= self.overlap:
            after = SlidingState(x.clone()[:, x.shape[1] - self.overlap :])
        return y, after


def prices(batch: int, steps: int, generator: torch.Generator) -> Tensor:
    return 300 + torch.randn(batch, steps, 3, generator=generator, dtype=torch.float64)


ALONE: list[tuple[str, Case]] = [
    ("chunks_join", Case(lambda: ForgetsEndedRows(3, 5, 3, stride=2))),
    ("gradients_join", Case(lambda: DetachesInTraining(3, 5))),
    ("gradients_join", Case(lambda: DetachedHistory(3, 3, stride=1))),
    ("none_begins", Case(LearnedStartUnknownOutside)),
    ("float32_joins_too", Case(MeanSquareLessSquaredMean, prices)),
    ("float32_joins_too", Case(lambda: HalfPrecisionMemory(3, 5))),
    ("float32_joins_too", Case(OverflowingSoftmax)),
    ("steps_equal_chunks", Case(lambda: KeepsARunningSum(3, 4, stride=1))),
    ("steps_equal_chunks", Case(lambda: HandsOutItsBuffer(3, 4))),
    ("steps_equal_chunks", Case(lambda: StepsAsItsParentDoes(3, 5))),
    ("copied_steppers_go_on", Case(lambda: CopiesItsStepperPieceByPiece(3, 5))),
    ("copied_steppers_go_on", Case(lambda: SharesTheBuffersOfItsStepper(3, 5))),
    ("padding_is_nothing", Case(lambda: MasksOnlyItsOutput(3, 5))),
    ("rows_are_alone", Case(PermutesRowsByProduct)),
    ("rows_are_alone", Case(PaddingCountsInTheMean)),
    ("state_stops_at_length", Case(lambda: StateRunsOn(3, 5))),
    ("state_stops_at_length", Case(lambda: IdleBatchSwapsItsState(3, 5))),
    ("future_is_unseen", Case(lambda: MultipliesTheFutureByZero(3, 5))),
    ("receptive_field_is_measured", Case(ForgetsDilation)),
    ("receptive_field_is_measured", Case(AddsReceptiveFieldsWithoutStride)),
    ("receptive_field_is_measured", Case(SaysNothingOfPhases)),
    ("receptive_field_is_measured", Case(lambda: SaysNothingOfTheStepsAhead(3, 5, 3))),
    ("receptive_field_is_measured", Case(SumsPathsThatMissEachOther)),
    ("latency_is_measured", Case(LooksAheadTooFar)),
    ("latency_is_measured", Case(lambda: OwesNothing(3, 5, 3, latency=2))),
    ("stride_is_measured", Case(ValidConvolution)),
    ("stride_is_measured", Case(lambda: RoundsLengthsUp(3, 5, 3, stride=2))),
    ("stride_is_measured", Case(SaysTooFewSteps)),
    ("stride_is_measured", Case(SaysTooFewFeatures)),
    ("state_is_not_changed", Case(lambda: WritesIntoItsRing(3, 5, 3))),
    ("state_is_not_kept", Case(LeavesItsHistoryBehind)),
    ("state_is_saved", Case(lambda: OneTensorTwice(3, 5))),
    ("rows_split_and_join", Case(lambda: RowsInItsOwnOrder(3, 5, 3, stride=2))),
    ("rows_reset", Case(lambda: ResetsToZero(3, 4, stride=1))),
    ("state_detaches", Case(lambda: LooksItsStateUp(3, 5))),
    ("whole_sequence_refuses_state", Case(lambda: TakesAnyState(3, 5, bidirectional=True))),
    ("state_stays_small", Case(lambda: ViewOfTheWholeChunk(3, 5, 3))),
]


# defects of peers as they are, most of them seen by several checks


class CellFromHidden(LSTM):
    """Rows without a step get the hidden state as their cell. (pytorch-forecasting, models/nn/rnn.py)"""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        idle = torch.zeros(len(x), dtype=torch.bool) if lengths is None else lengths == 0
        return y, LSTMState(after.hidden, torch.where(idle[:, None, None], state.hidden, after.cell))


class MisplacedStates(GRU):
    """masked_scatter takes rows one after the other, not those in the same places. (the same file)"""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        if lengths is None:
            return y, after
        idle = (lengths == 0)[:, None, None].expand_as(after.hidden)
        return y, GRUState(after.hidden.masked_scatter(idle, state.hidden))


class ZerosWhenAllIdle(GRU):
    """If no row has a step, zeros come back instead of the state. (the same file)"""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        idle = lengths is not None and not lengths.any()
        return y, GRUState(torch.zeros_like(after.hidden)) if idle else after


class MinusZeroKeepsEverything(Conv1d):
    """x[..., -0:] is all of x: the history of a kernel of 1 grows for ever. (pytorch-tcn, pad.py)"""

    def run(self, x, state, lengths):
        y, _ = super().run(x, SlidingState(state.history[:, :0]), lengths)
        return y, SlidingState(torch.cat([state.history, x], dim=1)[:, -self.overlap :])


class ChompsEverything(CentredConv1d):
    """x[..., :-0] is nothing of x: a kernel of 1 gives no output. (locuslab TCN and descendants, Chomp1d)"""

    def run(self, x, state, lengths):
        y, after = super().run(x, state, lengths)
        return y[:, : -(int(self.receptive_field) - 1)], after


class StateOnTheModule(GRU):
    """self.rnn_state instead of the state that is passed. (neuralforecast, common/_base_model.py)"""

    kept: Any = None

    def run(self, x, state, lengths):
        if self.kept is not None and len(self.kept.hidden) == len(x):
            state = self.kept
        y, after = super().run(x, state, lengths)
        self.kept = detach(after)
        return y, after


class SharedCounter(RunningMean):
    """One age for all rows, that of the first."""

    def age(self, state, steps):
        return super().age(MeanState(state.total, state.count[:1].expand_as(state.count)), steps)


class BatchMean(Identity):
    """Normalised over the rows of the batch, as batch statistics are."""

    input_size = 3

    def run(self, x, state, lengths):
        return x - x.mean(0, keepdim=True), state


class ReadsThePaddedLastStep(Identity):
    """Adds output[:, -1], which is padding in every row but the longest. (tsai, models/RNN.py)"""

    input_size, streams, receptive_field = 3, False, float("inf")

    def run(self, x, state, lengths):
        return x + x[:, -1:] + x[:, :1], state


class PaddingThroughTheNetwork(GRU):
    """Rows are aligned at their ends and the zeros before them run through the cell. (neuralforecast)"""

    def run(self, x, state, lengths):
        if lengths is None:
            return super().run(x, state, None)
        order = (torch.arange(x.shape[1]) - (x.shape[1] - lengths[:, None])) % max(x.shape[1], 1)
        y, after = super().run(x.gather(1, order[..., None].expand_as(x)), state, None)
        back = (torch.arange(x.shape[1]) + (x.shape[1] - lengths[:, None])) % max(x.shape[1], 1)
        return y.gather(1, back[..., None].expand_as(y)), after


PEERS: list[tuple[set[str], Case]] = [
    ({"state_stops_at_length", "chunks_join"}, Case(lambda: CellFromHidden(3, 5))),
    ({"state_stops_at_length", "chunks_join"}, Case(lambda: MisplacedStates(3, 5))),
    ({"state_stops_at_length", "chunks_join"}, Case(lambda: ZerosWhenAllIdle(3, 5))),
    ({"state_stays_small", "rows_reset"}, Case(lambda: MinusZeroKeepsEverything(3, 5, 1))),
    ({"stride_is_measured"}, Case(lambda: ChompsEverything(3, 5, 1))),
    ({"state_is_not_kept"}, Case(lambda: StateOnTheModule(3, 5))),
    ({"rows_reset", "rows_split_and_join"}, Case(SharedCounter)),
    ({"rows_are_alone", "rows_split_and_join"}, Case(BatchMean)),
    ({"rows_are_alone"}, Case(ReadsThePaddedLastStep)),
    ({"rows_are_alone", "state_stops_at_length"}, Case(lambda: PaddingThroughTheNetwork(3, 5))),
]

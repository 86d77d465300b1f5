"""Models that lag, stride or give their outputs in blocks learn from the step that each output speaks of."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
import torch

from ostinato.data.steps import Steps
from ostinato.data.streams import Streams
from ostinato.data.timing import STEP_BY_STEP, Timing
from ostinato.data.windows import Windows
from ostinato.errors import ConfigError, DataError
from ostinato.layers import GRU, LSTM, AdaptiveAvgPool1d, Chain, Conv1d, ConvTranspose1d, Delay, Dense
from ostinato.training import Trainer, TrainingConfig
from training.problem import make_steps, make_trainer, squared, weights_of


def seeded(make):
    torch.manual_seed(3)
    return make().double()


MODELS = {
    "plain": lambda: Chain(LSTM(3, 4), Dense(4, 1)),
    "latency": lambda: Chain(Conv1d(3, 4, 5, latency=2), LSTM(4, 4), Dense(4, 1)),
    "stride": lambda: Chain(Conv1d(3, 4, 3, stride=2), LSTM(4, 4), Dense(4, 1)),
    "stride 3 and latency 2": lambda: Chain(Delay(3, 2), Conv1d(3, 4, 4, stride=3), GRU(4, 4), Dense(4, 1)),
    "blocks": lambda: Chain(Conv1d(3, 4, 3, stride=2), GRU(4, 4), ConvTranspose1d(4, 1, 2, stride=2)),
    "stride 3/2": lambda: Chain(
        ConvTranspose1d(3, 4, 2, stride=2), Conv1d(4, 4, 3, stride=3), GRU(4, 4), Dense(4, 1)
    ),
    "stride 3/2 in blocks": lambda: Chain(
        Conv1d(3, 4, 3, stride=3), GRU(4, 4), ConvTranspose1d(4, 1, 2, stride=2)
    ),
}


def by_hand(net, steps, bounds):
    """The weights' gradients of all sequences (from, to), one by one from the beginning: no slices, no padding."""
    total, counted = 0.0, 0.0
    for begin, end in bounds:
        y = net(steps.x[None, begin:end])[0][0, :, 0]
        for place, answer in enumerate(y):
            completed = -(-(place + 1) * net.stride.numerator // net.stride.denominator) - 1
            step = completed - net.latency
            if step >= 0 and steps.weight[begin + step] > 0:
                total = total + steps.weight[begin + step] * (answer - steps.target[begin + step]) ** 2
                counted += float(steps.weight[begin + step])
    return (total / counted).item(), torch.autograd.grad(total / counted, list(net.parameters()))


@pytest.mark.parametrize("starts", [(), (7, 20, 22, 41)], ids=["one sequence", "several"])
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
def test_whole_streams_have_the_gradient_of_each_sequence_alone(make, starts):
    net, steps = seeded(make), make_steps(61, starts, torch.float64)
    weight = torch.rand(61, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    steps = replace(steps, weight=weight.where(weight > 0.2, 0.0))
    bounds = list(zip((0, *starts), (*starts, 61), strict=True))
    loss, gradients = by_hand(net, steps, bounds)
    total = torch.zeros(len(weights_of(net)), dtype=torch.float64)
    trainer = make_trainer(net=net, steps=steps, streams=1, update_every=None)
    losses, weights = 0.0, 0.0
    for piece in trainer.state.sampler.epoch(0):  # a slice for each sequence
        weight = float(trainer.state.memory.weight(piece).sum())
        if weight:
            value, state = trainer._loss(piece)
            total += weight * torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
            losses, weights = losses + weight * value, weights + weight
            trainer.state.memory.keep(piece, state)
    assert losses / weights == pytest.approx(loss, rel=1e-12)
    expected = torch.cat([gradient.flatten() for gradient in gradients])
    torch.testing.assert_close(total / weights, expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    "options", [{"update_every": 6}, {"update_every": 7}, {"update_every": 6, "gradient_steps": 12}]
)
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
def test_slices_give_the_losses_of_the_whole(make, options):
    """Cut anywhere, over several streams of several sequences: every answer is that of its sequence run whole."""
    net, starts = seeded(make), (7, 30, 32, 52)  # streams are cut at 21 and 41
    steps = make_steps(61, starts, torch.float64)
    trainer = make_trainer(net=net, steps=steps, streams=3, learning_rate=1e-30, **options)
    # a stream begins anew where it is cut
    bounds = sorted({0, *starts, *trainer.state.sampler.bounds.tolist()})
    loss, _ = by_hand(net, steps, list(pairwise(bounds)))
    for number in range(3):
        trainer.state.memory.begin()
        trainer.state.progress.loss_sum = trainer.state.progress.loss_weight = 0.0
        for piece in trainer.state.sampler.epoch(number):
            trainer._update(piece)
        assert trainer.state.progress.loss == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
def test_the_last_output_of_a_window_speaks_of_its_target(make):
    net, steps = seeded(make), make_steps(40, (13, 16, 29), torch.float64)
    timing = Timing.of(net)
    windows = Windows(steps, 12, 7, timing=timing)
    outputs = net(windows.batch(windows.ends).x)[0].shape[1]
    step = -(-outputs * timing.stride.numerator // timing.stride.denominator) - 1 - timing.latency
    first = torch.zeros(40, dtype=torch.long)
    for start in (13, 16, 29):
        first[start:] = start
    for piece in windows.epoch(0):
        labelled = piece.rows - 11 + step
        assert torch.equal(piece.target, steps.target[labelled])
        assert torch.equal(first[labelled], first[piece.rows])  # of the same sequence
    expected = sum(1 for row in range(40) if row + 11 - step < 40 and first[row] == first[row + 11 - step])
    assert len(windows.ends) == expected


def test_windows_beyond_the_end_of_every_sequence_are_refused():
    steps = make_steps(9, (3, 6))
    with pytest.raises(DataError, match="3 more steps of its sequence after it"):
        Windows(steps, 5, 2, timing=Timing(latency=3))
    with pytest.raises(ConfigError, match="3 steps are too few for a single output: the model has stride 4"):
        Windows(steps, 3, 2, timing=Timing(0, Fraction(4), 4, (0, 0, 0, 1)))


def test_a_sampler_of_another_timing_is_refused():
    net, steps = Conv1d(3, 1, 3, latency=1), make_steps()
    config = TrainingConfig(streams=4)
    with pytest.raises(ConfigError, match=r"latency=1, .* the sampler has its targets by Timing\(latency=0"):
        Trainer(net, Streams(steps, 4, 8), squared, lambda layer: 0.0, config)


def test_several_outputs_for_a_step_are_refused():
    with pytest.raises(ConfigError, match="stride 1/2: it gives several outputs for a step"):
        make_trainer(net=Chain(ConvTranspose1d(3, 1, 2, stride=2)))


def test_latency_without_carried_state_is_refused():
    with pytest.raises(
        ConfigError, match="refer to the slice before, which it does not know without carry_state"
    ):
        make_trainer(net=Conv1d(3, 1, 3, latency=1), carry_state=False)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
def test_outputs_are_counted_as_the_model_counts_them(make):
    net, lengths = make(), torch.arange(40)
    assert torch.equal(Timing.of(net).outputs(lengths), net.out_lengths(lengths))


def test_a_fixed_number_of_outputs_is_counted():
    timing = Timing.of(Chain(AdaptiveAvgPool1d(3, 2), Dense(3, 1)))
    assert timing.outputs(torch.tensor([0, 1, 9])).tolist() == [0, 2, 2]
    assert timing.lag(9) == 0


def test_jitter_keeps_whole_blocks():
    steps = Steps(torch.ones(1000, 1), torch.ones(1000), torch.ones(1000))
    streams = Streams(steps, 4, 30, timing=Timing(0, Fraction(4), 4, (0, 0, 0, 1)))
    firsts = {next(streams.epoch(number)).x.shape[1] for number in range(40)}
    assert streams.steps_per_slice == 32
    assert firsts <= set(range(4, 33, 4))
    assert len(firsts) > 5


def test_step_by_step_is_the_plain_timing():
    assert Timing.of(LSTM(3, 4)) == STEP_BY_STEP

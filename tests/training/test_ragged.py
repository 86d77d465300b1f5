"""Ragged examples go through the same loop as forecasts: padding has no effect, and a resumed run is exact."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from contract.registry.models import MODEL_OPTIONS
from ostinato.data.buckets import Buckets
from ostinato.data.crops import Crops
from ostinato.data.examples import Examples
from ostinato.data.piece import OutputsAt, Piece
from ostinato.data.timing import Timing
from ostinato.errors import ConfigError, DataError
from ostinato.layers import (
    GRU,
    LSTM,
    SRU,
    AttentionPool,
    Chain,
    Conv1d,
    ConvTranspose1d,
    Dense,
    Embedding,
    GlobalAvgPool1d,
    LayerNorm,
    Pointwise,
    TCNBlock,
)
from ostinato.models import MODELS, OutputHead, assemble, fronts
from ostinato.runs.folder import RunFolder
from ostinato.training import Trainer, TrainingConfig
from ostinato.training.checkpointer import Checkpointer
from ostinato.training.objective import weighted_mean
from ostinato.training.prediction import mean_loss, predict_examples
from training.problem import weights_of

CODES, CLASSES = 6, 3


def make_examples(count=60, seed=0, every_step=False):
    """Codes; the class is the code that came last of those below 3."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 25, (count,), generator=generator).tolist()
    sequences = [torch.randint(0, CODES, (length,), generator=generator) for length in lengths]
    last = [codes[codes < CLASSES][-1:].sum() for codes in sequences]
    if every_step:
        return Examples.of(sequences, torch.cat(sequences) % CLASSES, every_step=True)
    return Examples.of(sequences, torch.stack(last))


def cross_entropy(y, target):
    """The loss of each answer."""
    return F.cross_entropy(y.flatten(0, -2), target.flatten(), reduction="none").view(target.shape)


BODIES = {
    "gru": lambda: Chain(GRU(4, 5)),
    "bidirectional lstm": lambda: Chain(LSTM(4, 5, bidirectional=True)),
    "sru": lambda: Chain(SRU(4, 5)),
    "tcn": lambda: Chain(TCNBlock(4, 5, 3), TCNBlock(5, 5, 3, dilation=2)),
    "norm": lambda: Chain(LayerNorm(4), GRU(4, 5)),
    "stride": lambda: Chain(Conv1d(4, 4, 3, stride=3), GRU(4, 5)),
    "blocks": lambda: Chain(Conv1d(4, 4, 3, stride=2), GRU(4, 5), ConvTranspose1d(5, 5, 2, stride=2)),
    "latency": lambda: Chain(Conv1d(4, 4, 5, latency=2), GRU(4, 5)),
    "mean": lambda: Chain(GRU(4, 5), GlobalAvgPool1d(5)),
    "attention": lambda: Chain(GRU(4, 5), AttentionPool(5)),
}


def make_net(body="gru", dropout=0.0, seed=1):
    torch.manual_seed(seed)
    made = BODIES[body]()
    size = made.output_size
    parts = {"front": Embedding(CODES, 4), "body": made, "dropout": Pointwise(nn.Dropout(dropout))}
    return Chain(**parts, head=Dense(size, CLASSES)).double()


def one_by_one(net, examples):
    """Loss and gradient of every example alone, unpadded: the mean over all answers."""
    total, count = 0.0, 0
    for item in range(len(examples)):
        y = net(examples[item][None])[0][0]
        if not examples.every_step:
            losses = cross_entropy(y[-1:], examples.target[item : item + 1])
        else:
            place = torch.arange(len(y))
            steps = (place + 1) * net.stride.numerator // net.stride.denominator - 1 - net.latency
            target = examples.target[int(examples.offsets[item]) :][steps.clamp(min=0)]
            losses = cross_entropy(y, target)[steps >= 0]
        total, count = total + losses.sum(), count + len(losses)
    return (total / count).item(), torch.autograd.grad(total / count, list(net.parameters()))


def summed(net, sampler):
    """The same from the pieces of a sampler."""
    total, weight = 0.0, 0.0
    for piece in sampler.epoch(3):
        here = float(piece.weight.sum())
        if here:
            answers = piece.answers.ask(net, piece.x, piece.lengths)
            total = total + here * weighted_mean(cross_entropy, answers, piece.target, piece.weight)
            weight += here
    return (total / weight).item(), torch.autograd.grad(total / weight, list(net.parameters()))


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("body", BODIES)
def test_padding_has_no_effect_on_losses_and_gradients(body, every_step):
    net, examples = make_net(body), make_examples(30, every_step=every_step)
    loss, gradients = one_by_one(net, examples)
    timing = Timing.of(net)
    for sampler in (Buckets(examples, 30, padding=0.9, timing=timing), Buckets(examples, 4, timing=timing)):
        assert any(piece.lengths is not None for piece in sampler.epoch(3))
        found, theirs = summed(net, sampler)
        assert found == pytest.approx(loss, rel=1e-12)
        for ours, expected in zip(theirs, gradients, strict=True):
            torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-13)


def make_trainer(folder=None, *, net=None, sampler=None, validate=None, **options):
    net = make_net(dropout=0.3) if net is None else net
    sampler = Buckets(make_examples(), 8, seed=2, timing=Timing.of(net)) if sampler is None else sampler
    plain = {
        "optimizer": "AdamW",
        "learning_rate": 0.02,
        "epochs": 4,
        "patience": None,
        "checkpoint_seconds": 0.0,
    }
    config = TrainingConfig.model_validate(plain | options)
    checkpointer = None if folder is None else Checkpointer(RunFolder(folder), net)
    held_out = Buckets(make_examples(20, seed=5), 8, shuffle=False, timing=Timing.of(net))
    return Trainer(
        net,
        sampler,
        cross_entropy,
        validate or (lambda layer: mean_loss(layer, held_out, cross_entropy)),
        config,
        checkpointer,
    )


def test_it_learns():
    net = make_net()
    finished = make_trainer(net=net, learning_rate=0.05, epochs=10).run()
    held_out = make_examples(200, seed=9)
    answers = predict_examples(net, Buckets(held_out, 32, timing=Timing.of(net)))
    assert finished.best_loss < 0.2
    assert float((answers.argmax(-1) == held_out.target).double().mean()) > 0.93


@pytest.mark.parametrize("name", MODELS)
def test_every_body_learns_from_codes_without_regard_to_padding(name):
    torch.manual_seed(2)
    net = assemble(fronts.codes(CODES, 4), name, MODEL_OPTIONS[name], OutputHead(CLASSES)).double().eval()
    examples = make_examples(20)
    loss, gradients = one_by_one(net, examples)
    found, theirs = summed(net, Buckets(examples, 6, padding=0.6, timing=Timing.of(net)))
    assert found == pytest.approx(loss, rel=1e-12)
    for ours, expected in zip(theirs, gradients, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-13)
    before = weights_of(net)
    make_trainer(net=net, epochs=1).run()
    assert not weights_of(net).equal(before)


class StopAfter:
    """Interrupts after so many updates."""

    def __init__(self, trainer, updates):
        self.trainer, self.left = trainer, updates

    def begin(self, progress, updates_in_epoch, epochs):
        pass

    def update(self, progress, rows):
        self.left -= 1
        self.trainer.request.made = self.left == 0

    def evaluated(self, progress, evaluation):
        pass

    def end(self, progress):
        pass


SAMPLERS = {
    "buckets": lambda timing: Buckets(make_examples(), 16, seed=2, timing=timing),
    "crops": lambda timing: Crops(make_examples(), 9, 24, seed=2, timing=timing),
    "labels of steps": lambda timing: Buckets(make_examples(every_step=True), 16, seed=2, timing=timing),
}


@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS.keys())
def test_an_interrupted_run_that_is_resumed_is_exact(make, tmp_path):
    def trainer(folder):
        net = make_net("latency", dropout=0.3)
        return make_trainer(folder, net=net, sampler=make(Timing.of(net)))

    whole = trainer(None)
    assert whole.run().stopped == "epochs"
    for updates in (3, 1, 6):  # within an epoch, and again
        parts = trainer(tmp_path)
        parts.resume()
        parts.watcher = StopAfter(parts, updates)
        assert parts.run().stopped == "interrupted"
    parts = trainer(tmp_path)
    parts.resume()
    assert parts.run().stopped == "epochs"
    assert weights_of(parts.state.model).equal(weights_of(whole.state.model))
    assert parts.state.progress.updates == whole.state.progress.updates
    assert parts.state.progress.best_loss == whole.state.progress.best_loss


def test_answers_come_in_the_order_of_the_examples():
    net, examples = make_net().eval(), make_examples()
    answers = predict_examples(net, Buckets(examples, 7, seed=4))
    for item in range(len(examples)):
        torch.testing.assert_close(answers[item], net(examples[item][None])[0][0, -1])


def test_the_mean_loss_goes_by_the_weights():
    net, examples = make_net().eval(), make_examples()
    weight = torch.arange(60) % 4 / 2.0
    weighted = Examples(examples.x, examples.offsets, examples.target, weight)
    losses = cross_entropy(predict_examples(net, Buckets(examples, 7)), examples.target)
    expected = float((losses * weight).sum() / weight.sum())
    assert mean_loss(net, Buckets(weighted, 7), cross_entropy) == pytest.approx(expected)
    nothing = Examples(examples.x, examples.offsets, examples.target, torch.zeros(60))
    with pytest.raises(DataError, match="every weight is 0"):
        mean_loss(net, Buckets(nothing, 7), cross_entropy)


def test_answers_at_places_are_learnt_from():
    net = make_net()
    x, places = torch.randint(0, CODES, (4, 9, 1)), torch.tensor([[0, 8], [3, 4], [8, 1], [2, 2]])
    target, rows = torch.tensor([[0, 1], [2, 2], [1, 0], [0, 0]]), torch.arange(36).view(4, 9)
    piece = Piece(x, target, torch.ones(4, 2), rows, OutputsAt(places))
    trainer = make_trainer(net=net)
    value, _ = trainer._loss(piece)
    y, _ = net(x)
    picked = torch.stack([torch.stack([y[row, place] for place in places[row]]) for row in range(4)])
    assert value == pytest.approx(cross_entropy(picked, target).mean().item())


def test_noise_on_codes_is_refused():
    with pytest.raises(ConfigError, match=r"input_noise is 0.1, and x holds codes \(torch.int64\)"):
        make_trainer(input_noise=0.1)

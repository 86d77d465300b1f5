"""The lectures' networks, put together from layers: each trains, and gives in a stream what it gives whole.

Axes: B batch, T time steps (samples, frames or words), F frequencies, C channels or classes.
"""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layers.close import close
from ostinato.checks.subject import run_chunks
from ostinato.core import SequenceLayer
from ostinato.layers import (
    ISTFT,
    LSTM,
    STFT,
    AdaptiveMaxPool1d,
    ApplyMask,
    AttentionPool,
    BatchNorm,
    BottleneckBlock,
    Chain,
    CondenseStages,
    Conv1d,
    Conv2d,
    ConvBlock,
    ConvTranspose2d,
    Dense,
    DenseBlock,
    Embedding,
    Flatten,
    GlobalAvgPool1d,
    GlobalMaxPool1d,
    Magnitude,
    MaxPool2d,
    MuLawDecode,
    MuLawEncode,
    Pointwise,
    Residual,
    ResidualBlock,
    SkipConnection,
    TCNBlock,
    TransitionLayer,
    Unflatten,
    WaveNetStack,
    WideBlock,
)

CLASSES = 3


def relu() -> Pointwise:
    return Pointwise(nn.ReLU())


def cnn_on_a_spectrogram() -> Chain:
    """[CONV -> RELU -> POOL] * 2 -> [FC -> RELU] -> FC, of sound."""
    return Chain(
        STFT(1, window=16, hop=8),
        Magnitude((9, 2), log=True, floor=1e-3),
        Conv2d((9, 1), 4, 3, padding="same"),
        relu(),
        MaxPool2d((9, 4), (1, 2)),
        Conv2d((4, 4), 6, 3),
        relu(),
        MaxPool2d((2, 6), 2),
        Flatten((1, 6)),
        Dense(6, 8),
        relu(),
        Dense(8, CLASSES),
    )


def resnet() -> Chain:
    stem = ConvBlock(2, 4, 5, pooling="max")
    blocks = (ResidualBlock(4), ResidualBlock(4, 8, stride=2), BottleneckBlock(8, 2))
    return Chain(stem, *blocks, GlobalAvgPool1d(8), Dense(8, CLASSES))


def resnet_of_an_image() -> Chain:
    """Its blocks by hand: time is one of the two axes."""
    size = (6, 4)

    def block() -> Chain:
        first, second = (Conv2d(size, 4, 3, padding="same", bias=False) for _ in range(2))
        return Chain(Residual(Chain(first, BatchNorm(size), relu(), second, BatchNorm(size))), relu())

    stem = Chain(Unflatten((6, 1)), Conv2d((6, 1), 4, 3, padding="same"))
    return Chain(stem, block(), block(), Flatten(size), GlobalAvgPool1d(24), Dense(24, CLASSES))


def densenet() -> Chain:
    first = Chain(Conv1d(2, 4, 3), DenseBlock(4, 3, layers=2), TransitionLayer(10))
    return Chain(first, DenseBlock(5, 3, layers=2), GlobalAvgPool1d(11), Dense(11, CLASSES))


def condensenet() -> Chain:
    return Chain(
        stem=Conv1d(2, 4, 3),
        stages=CondenseStages(4, 4, (1, 1), groups=2, condense_factor=2, bottleneck=1),
        pool=GlobalAvgPool1d(16),
        head=Dense(16, CLASSES),
    )


def tcn() -> Chain:
    blocks = [TCNBlock(size, 5, dilation=2**n) for n, size in enumerate((2, 5, 5))]
    return Chain(*blocks, Dense(5, CLASSES))


def wavenet(codes: int = 8) -> Chain:
    """From codes to the logits of the code that follows."""
    front = Chain(Embedding(codes, 6), Conv1d(6, 6, 2))
    stack = WaveNetStack(6, 10, dilations=(1, 2, 4, 1, 2, 4))
    return Chain(front, stack, relu(), Dense(10, 10), relu(), Dense(10, codes))


def source_separation() -> Chain:
    """An encoder and a decoder with a skip across make the mask: down and up again in time and in frequency."""
    deeper = Chain(
        Conv2d((8, 4), 6, 3, stride=2, padding="same"),
        BatchNorm((4, 6)),
        relu(),
        ConvTranspose2d((4, 6), 4, 4, stride=2, padding="same"),
        relu(),
    )
    encoder = Chain(Conv2d((8, 1), 4, 3, padding="same"), relu())
    mask = Chain(encoder, SkipConnection(deeper), Conv2d((8, 8), 1, 1), Pointwise(nn.Sigmoid()))
    return Chain(STFT(1, 15, 5), ApplyMask(Chain(Magnitude((8, 2)), mask)), ISTFT(1, 15, 5))


def text_cnn() -> Chain:
    """Kim 2014: kernels of several sizes over words, the largest answer of each."""
    words = Chain(Embedding(20, 6), WideBlock(6, 8, (2, 3, 4), norm=None))
    return Chain(words, GlobalMaxPool1d(24), Pointwise(nn.Dropout(0.2)), Dense(24, CLASSES))


def text_classifier() -> Chain:
    """Both directions, and attention over all words of a row."""
    words = Chain(Embedding(20, 6), LSTM(6, 4, bidirectional=True))
    return Chain(words, AttentionPool(8, scorer="tanh"), Dense(8, CLASSES))


def noise(batch: int, steps: int, size: int) -> Tensor:
    return torch.randn(batch, steps, size, generator=torch.Generator().manual_seed(0))


def words(batch: int, steps: int, size: int) -> Tensor:
    return torch.randint(0, 8, (batch, steps, size), generator=torch.Generator().manual_seed(0))


Draw = Callable[[int, int, int], Tensor]
CLASSIFIERS: dict[str, tuple[Callable[[], SequenceLayer], Draw]] = {
    "CNN on a spectrogram": (cnn_on_a_spectrogram, noise),
    "ResNet": (resnet, noise),
    "ResNet of an image": (resnet_of_an_image, noise),
    "DenseNet": (densenet, noise),
    "CondenseNet": (condensenet, noise),
    "TCN": (tcn, noise),
    "text CNN": (text_cnn, words),
    "text classifier": (text_classifier, words),
}
STREAMS = {name: made for name, made in CLASSIFIERS.items() if name != "text classifier"} | {
    "WaveNet": (wavenet, words),
    "source separation": (source_separation, noise),
}


def train(net: SequenceLayer, loss: Callable[[], Tensor], steps: int = 40) -> tuple[float, float]:
    """The loss before and after, all weights having been heard from."""
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
        optimizer.step()
        losses.append(value.item())
    return losses[0], losses[-1]


def at_the_end(y: Tensor, lengths: Tensor) -> Tensor:
    """y (B, C) at the last valid step of each row."""
    return y[torch.arange(len(y)), lengths - 1]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_learns_from_rows_of_any_length(name):
    torch.manual_seed(0)
    make, draw = CLASSIFIERS[name]
    net = make().train()
    x, classes = draw(6, 72, net.input_size), torch.arange(6) % CLASSES
    lengths = torch.tensor([72, 48, 64, 71, 56, 72])

    def loss() -> Tensor:
        y, _ = net(x, None, lengths)
        return F.cross_entropy(at_the_end(y, net.out_lengths(lengths)), classes)

    before, after = train(net, loss)
    assert after < before / 2, (before, after)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_gives_what_the_whole_gives(name):
    torch.manual_seed(0)
    make, draw = STREAMS[name]
    net = make().double().eval()
    for module in net.modules():  # as after some training
        if isinstance(module, nn.BatchNorm1d):
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.running_mean)
    x = draw(2, 60, net.input_size)
    x = x.double() if x.is_floating_point() else x
    expected, end = net(x)
    found, state = run_chunks(net, x, [1, 0, 7, 20, 2, 30])
    close(found, expected)
    assert found.numel()
    close(net.flush(state), net.flush(end))


def test_wavenet_learns_the_next_sample_and_speaks_by_itself():
    torch.manual_seed(0)
    codes, net = 8, wavenet(8)
    encode, decode = MuLawEncode(1, codes), MuLawDecode(1, codes)
    samples = 0.8 * torch.sin(0.7 * torch.arange(85.0)).view(1, -1, 1)
    told = encode(samples[:, :65])[0].long()

    def loss() -> Tensor:
        y, _ = net(told[:, :-1])
        return F.cross_entropy(y.flatten(0, 1), told[:, 1:].flatten())

    before, after = train(net, loss, 60)
    assert after < before / 4, (before, after)

    with torch.no_grad():
        y, state = net.eval()(told)
        said = []
        for _ in range(20):
            said.append(y[:, -1:].argmax(-1, keepdim=True))
            y, state = net(said[-1], state)
        whole, _ = net(torch.cat([told, *said], dim=1))
    torch.testing.assert_close(y[:, -1], whole[:, -1])
    wrong = decode(torch.cat(said, dim=1))[0] - samples[:, 65:]
    assert wrong.square().mean() < samples.square().mean() / 5  # it goes on with the tone, of 8 levels


def test_source_separation_learns_which_of_two_tones_to_keep():
    torch.manual_seed(0)
    net = source_separation()
    time = torch.arange(200.0).view(1, -1, 1) + torch.arange(4.0).view(4, 1, 1)
    wanted, other = torch.sin(0.3 * time), torch.sin(1.9 * time)
    late = net.latency

    def loss() -> Tensor:
        y, _ = net(wanted + other)
        return F.mse_loss(y[:, late:], wanted[:, : y.shape[1] - late])

    before, after = train(net, loss)
    assert after < before / 20, (before, after)
    assert (net.stride, net.block, late) == (1, 10, 10)


def test_condensenet_becomes_small_and_says_the_same():
    torch.manual_seed(0)
    net = condensenet()
    x, classes = noise(6, 40, 2), torch.arange(6) % CLASSES
    stages = net.stages

    def loss() -> Tensor:
        return F.cross_entropy(net.last(x), classes) + 1e-3 * stages.group_lasso()

    train(net, loss)
    stages.condense()
    train(net, loss)
    net.eval()
    before, weights = net(x)[0], sum(p.numel() for p in stages.parameters())
    net.stages = stages.condensed()
    torch.testing.assert_close(net(x)[0], before)
    assert sum(p.numel() for p in net.stages.parameters()) < weights


def test_the_words_of_a_row_are_weighed_by_attention_and_its_padding_is_not():
    torch.manual_seed(0)
    net = text_classifier().double().eval()
    x, lengths = words(3, 9, 1), torch.tensor([9, 4, 6])
    y = at_the_end(net(x, None, lengths)[0], lengths)
    for row, length in enumerate(lengths.tolist()):
        close(y[row], net.last(x[row : row + 1, :length])[0])
    embedded, pool = net.layers[0](x, None, lengths)[0], net.layers[1]
    weights = pool.weights(embedded, lengths)
    close(weights.sum(1), torch.ones(3, 1, dtype=torch.float64))
    assert not weights[1, 4:].any()


def test_the_largest_answer_over_all_words_is_that_of_a_pooling_of_whole_rows():
    torch.manual_seed(0)
    net = text_cnn().double().eval()
    front, _, *head = net.layers
    x, lengths = words(3, 9, 1), torch.tensor([9, 4, 6])
    whole = Chain(front, AdaptiveMaxPool1d(24, 1), *head)
    close(at_the_end(net(x, None, lengths)[0], lengths), whole(x, None, lengths)[0][:, 0])

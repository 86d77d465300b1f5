"""Dense connections, dense and condense blocks beside torch's functions, wired by hand.

Axes: B batch, C channels, T time steps.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layers.causal import agree, conv, norm, settled
from layers.close import close
from ostinato.errors import ConfigError
from ostinato.layers import (
    AvgPool1d,
    CentredConv1d,
    ChannelShuffle,
    CondenseBlock,
    CondensedConv1d,
    CondenseStages,
    Conv1d,
    Delay,
    DenseBlock,
    DenseConnections,
    Flatten,
    Identity,
    LearnedGroupConv1d,
    MaxPool1d,
    TransitionLayer,
)


def layers_of(dense):
    """The composite functions H_1, H_2, ..."""
    return [step.layer for step in dense.layers]


def test_every_layer_hears_all_before_it():
    dense = settled(DenseConnections(Conv1d(3, 4, 2), Conv1d(7, 5, 3), Conv1d(12, 2, 2)))

    def reference(x):
        found = [x]
        for layer in layers_of(dense):
            found.append(conv(torch.cat(found, dim=1), layer))
        return torch.cat(found, dim=1)

    agree(dense, reference)
    assert (dense.output_size, dense.receptive_field) == (14, 2 + 2 + 1)


def test_what_is_older_waits_for_layers_that_look_ahead():
    """Stream and flush, moved back by the latency, are the twin that sees the whole sequence."""
    ahead = DenseConnections(Conv1d(3, 2, 5, latency=2), Conv1d(5, 2, 3), Conv1d(7, 2, 3, latency=1)).double()
    assert ahead.latency == 3
    first, causal, last = layers_of(ahead)
    centred = [CentredConv1d(3, 2, 5), Conv1d(5, 2, 3), CentredConv1d(7, 2, 3)]
    for twin, layer in zip(centred, (first, causal, last), strict=True):
        for parameter, its in zip(twin.double().parameters(), layer.parameters(), strict=True):
            parameter.data = its.data
    x = torch.randn(2, 20, 3, dtype=torch.float64)
    y, state = ahead(x)
    found = torch.cat([y, ahead.flush(state)], dim=1)[:, 3:]
    close(found[:, 4:-4], DenseConnections(*centred)(x)[0][:, 4:-4])


def test_connections_are_grown_by_a_function_of_the_size():
    sizes = []

    def make(size):
        sizes.append(size)
        return Conv1d(size, 4, 2)

    assert DenseConnections.grown(3, 4, make).output_size == 3 + 4 * 4
    assert sizes == [3, 7, 11, 15]


def composite(x, of, groups=1):
    """BN-ReLU-Conv(1), BN-ReLU-Conv(K); the shuffle by torch's."""
    x = conv(F.relu(norm(x, of.norm1)), of.convolution1)
    if groups > 1:
        x = nn.ChannelShuffle(groups)(x)
    return conv(F.relu(norm(x, of.norm2)), of.convolution2, groups=groups)


def dense_block(x, block, groups=1):
    for layer in layers_of(block):
        x = torch.cat([x, composite(x, layer, groups)], dim=1)
    return x


def test_a_dense_block_with_a_bottleneck():
    block = settled(DenseBlock(3, 2, 3, bottleneck=2))
    agree(block, lambda x: dense_block(x, block))


def test_a_dense_block_without_one():
    block = settled(DenseBlock(3, 2, 2, 4, bottleneck=None, dilation=2, activation="tanh"))

    def reference(x):
        for layer in layers_of(block):
            new = conv(torch.tanh(norm(x, layer.norm2)), layer.convolution2, dilation=2)
            x = torch.cat([x, new], dim=1)
        return x

    agree(block, reference)


def test_a_transition_layer():
    layer = settled(TransitionLayer(7, 0.6, 3))
    assert (layer.output_size, layer.stride) == (4, 3)
    agree(layer, lambda x: F.avg_pool1d(conv(F.relu(norm(x, layer.norm)), layer.convolution), 3))


@pytest.mark.parametrize(
    ("inputs", "growth", "layers", "kernel"), [(16, 12, 6, 3), (24, 4, 3, 5), (1, 1, 1, 1)]
)
def test_channels_and_parameters_of_densenet_bc_are_those_of_the_formula(inputs, growth, layers, kernel):
    block = DenseBlock(inputs, growth, layers, kernel)
    assert block.output_size == inputs + layers * growth
    assert block.receptive_field == 1 + layers * (kernel - 1)
    sizes = [inputs + place * growth for place in range(layers)]  # what layer ``place`` hears
    weights = sum(4 * growth * size + kernel * 4 * growth * growth for size in sizes)
    norms = sum(2 * size + 2 * 4 * growth for size in sizes)
    assert sum(parameter.numel() for parameter in block.parameters()) == weights + norms
    size = block.output_size
    transition = TransitionLayer(size) if size > 1 else None
    if transition:
        assert transition.output_size == size // 2
        assert sum(p.numel() for p in transition.parameters()) == 2 * size + size * (size // 2)


def test_a_channel_shuffle_is_torchs():
    x = torch.randn(2, 5, 12)
    for groups in (1, 2, 3, 12):
        expected = nn.ChannelShuffle(groups)(x.transpose(1, 2)).transpose(1, 2)
        assert torch.equal(ChannelShuffle(12, groups)(x)[0], expected)


def test_a_condense_block():
    block = settled(CondenseBlock(6, 4, 2, groups=2, condense_factor=2, bottleneck=2))
    agree(block, lambda x: dense_block(x, block, groups=2))


def test_all_resolutions_are_heard():
    """By hand: each layer of the second resolution hears what is left of x and of all layers of the first."""
    stages = settled(CondenseStages(4, 2, (2, 1), groups=2, condense_factor=2, pool_size=3))

    def reference(x):
        return dense_block(F.avg_pool1d(dense_block(x, stages.block1, 2), 3), stages.block2, 2)

    agree(stages, reference)
    assert [stages.block1.growth_rate, stages.block2.growth_rate] == [2, 4]
    assert stages.output_size == 4 + 2 * 2 + 1 * 4
    pooled = F.avg_pool1d((x := torch.randn(2, 9, 4, dtype=torch.float64)).transpose(1, 2), 3).transpose(1, 2)
    close(stages(x)[0][..., :4], pooled)


def test_condensing_leaves_the_numbers_and_drops_the_weights():
    stages = settled(CondenseStages(4, 4, (2, 2), groups=2, condense_factor=4))
    learning = [module for module in stages.modules() if isinstance(module, LearnedGroupConv1d)]
    assert len(learning) == 4
    close(stages.group_lasso(), sum(layer.group_lasso() for layer in learning))
    for _ in range(3):
        with pytest.raises(ConfigError, match="of 3 condensing stages are done"):
            stages.condensed()
        stages.condense()
    small, x = stages.condensed(), torch.randn(2, 12, 4, dtype=torch.float64)
    close(small(x)[0], stages(x)[0])
    y, state = small(x[:, :5])
    close(torch.cat([y, small(x[:, 5:], state)[0]], dim=1), stages(x)[0])
    assert sum(isinstance(module, CondensedConv1d) for module in small.modules()) == 4
    big = sum(layer.weight.numel() for layer in learning)
    saved = sum(p.numel() for p in stages.parameters()) - sum(p.numel() for p in small.parameters())
    assert saved == big * 3 / 4


@pytest.mark.parametrize("name", ["DenseBlock", "CondenseBlock"])
def test_channel_first_memory_is_handed_on(name):
    x = torch.randn(2, 4, 9).transpose(1, 2)
    blocks = {
        "DenseBlock": DenseBlock(4, 2, 2),
        "CondenseBlock": CondenseBlock(4, 2, 2, groups=2, condense_factor=2),
    }
    y, _ = blocks[name].eval()(x)
    assert y.transpose(1, 2).is_contiguous()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (DenseConnections, "dense connections need at least one layer, got none."),
        (
            lambda: DenseConnections(nn.ReLU()),
            "dense connections takes layers that run along time, got ReLU.",
        ),
        (
            lambda: DenseConnections(Conv1d(3, 4, 2), Conv1d(4, 4, 2)),
            "layer 1 of the dense connections (Conv1d) takes 4 features, but 7 have come together before it. Make it "
            "for 7.",
        ),
        (
            lambda: DenseConnections(Identity()),
            "layer 0 of the dense connections (Identity) takes None and gives None, which cannot be laid side by side.",
        ),
        (
            lambda: DenseConnections(Delay((4, 2), 1)),
            "(Delay) takes (4, 2) and gives (4, 2), which cannot be laid side by side. Use a layer with a whole number",
        ),
        (lambda: DenseConnections(Flatten((4, 2))), "(Flatten) takes (4, 2) and gives 8"),
        (
            lambda: DenseConnections(Conv1d(3, 4, 2), MaxPool1d(7, 2)),
            "layer 1 of the dense connections (MaxPool1d) does not give a step for each step (stride 2), so its output "
            "has no place beside its input. Pool between two dense connections instead.",
        ),
        (
            lambda: DenseConnections.grown(3, 0, AvgPool1d),
            "count must be a whole number of at least 1, got 0.",
        ),
        (
            lambda: DenseConnections.grown(3, 2, lambda size: Conv1d(3, 4, 2)),
            "takes 3 features, but 7 have come together before it.",
        ),
        (lambda: DenseBlock(3, 0, 2), "growth_rate must be a whole number of at least 1, got 0."),
        (lambda: DenseBlock(3, 2, 0), "layers must be a whole number of at least 1, got 0."),
        (
            lambda: DenseBlock(3, 2, 2, bottleneck=0),
            "bottleneck must be a whole number of at least 1, got 0.",
        ),
        (lambda: TransitionLayer(4, 0), "compression must be above 0 and at most 1, got 0."),
        (lambda: TransitionLayer(4, 1.5), "compression must be above 0 and at most 1, got 1.5."),
        (lambda: TransitionLayer(4, "0.5"), "compression must be above 0 and at most 1, got '0.5'."),
        (
            lambda: TransitionLayer(4, 0.1),
            "a compression of 0.1 leaves none of 4 features. Raise it to at least 0.25.",
        ),
        (lambda: TransitionLayer(4, pool_size=0), "pool_size must be a whole number of at least 1, got 0."),
        (lambda: ChannelShuffle(5, 2), "groups must divide input_size 5, got 2."),
        (
            lambda: CondenseBlock(8, 6, 2),
            "groups 4 must divide growth_rate, got 6. Take growth_rate 8, or other groups.",
        ),
        (
            lambda: CondenseBlock(6, 4, 2),
            "condense_factor 4 must divide input_size, got 6. Take input_size 8, or other condense_factor.",
        ),
        (
            lambda: CondenseBlock(6, 4, 2, groups=2, condense_factor=3),
            "condense_factor 3 must divide growth_rate",
        ),
        (lambda: CondenseBlock(8, 4, 2, groups=0), "groups must be a whole number of at least 1, got 0."),
        (
            lambda: CondenseStages(8, 4, ()),
            "layers must say how many layers each block has, such as (2, 2), got ().",
        ),
        (
            lambda: CondenseStages(8, 4, 3),
            "layers must say how many layers each block has, such as (2, 2), got 3.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()

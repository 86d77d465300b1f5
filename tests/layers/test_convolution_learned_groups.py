"""Learned groups against the paper's section 4.1 written out filter by filter, and their condensed form.

Axes: B batch, T time steps, C input features, O output features, K kernel size, G groups, D condense factor.
"""

import copy
import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.close import close, gradients
from ostinato.errors import ConfigError
from ostinato.layers import CondensedConv1d, LearnedGroupConv1d, Select


def trained(groups=2, factor=3, stages=None, **options):
    """With random weights, and as many stages done, with other weights at each."""
    layer = LearnedGroupConv1d(
        2 * factor,
        3 * groups,
        options.pop("kernel_size", 2),
        groups=groups,
        condense_factor=factor,
        **options,
    ).double()
    for _ in range(factor - 1 if stages is None else stages):
        with torch.no_grad():
            layer.weight.normal_()
        layer.condense()
    return layer


def by_hand(layer, seen):
    """Which features each group keeps after one more stage: the paper's loop over groups, features and filters."""
    groups, outputs = layer.filter_groups, layer.output_size // layer.filter_groups
    kept = []
    for group in range(groups):
        importance = {}
        for feature in seen[group]:
            filters = layer.weight.detach()[group * outputs : (group + 1) * outputs, feature]
            importance[feature] = sum(abs(float(value)) for value in filters.flatten())
        prune = sorted(importance, key=importance.__getitem__)[: layer.input_size // layer.condense_factor]
        kept.append([feature for feature in seen[group] if feature not in prune])
    return kept


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 2), st.integers(0, 9))
def test_stages_prune_what_weighs_least(groups, factor, kernel_size, seed):
    torch.manual_seed(seed)
    layer = LearnedGroupConv1d(2 * factor, 3 * groups, kernel_size, groups=groups, condense_factor=factor)
    seen = [list(range(2 * factor)) for _ in range(groups)]
    for stage in range(factor - 1):
        assert layer.stage == stage
        with torch.no_grad():
            layer.weight.normal_()
        seen = by_hand(layer, seen)
        layer.condense()
        assert [row.nonzero()[:, 0].tolist() for row in layer.mask] == seen
    assert layer.stage == factor - 1
    assert layer.mask.sum(1).tolist() == [2] * groups


def test_what_is_pruned_is_not_seen_and_learns_nothing():
    torch.manual_seed(0)
    layer = trained(stages=1)
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    full = layer.weight.detach().clone()
    for group in range(2):
        for feature in (~layer.mask[group]).nonzero()[:, 0].tolist():
            full[group * 3 : group * 3 + 3, feature] = 0.0
    expected = F.conv1d(F.pad(x.transpose(1, 2), (1, 0)), full, layer.bias).transpose(1, 2)
    close(layer(x)[0], expected)
    (slope,) = torch.autograd.grad(layer(x)[0].square().sum(), [layer.weight])
    assert torch.equal(slope == 0, full == 0)


@pytest.mark.parametrize("stages", [0, 1, 2])
def test_group_lasso(stages):
    """The sum over groups and features of the square root of the sum of squares; of what is pruned, nothing."""
    torch.manual_seed(0)
    layer = trained(stages=stages)
    parts = [
        layer.weight[group * 3 : group * 3 + 3, feature].square().sum().sqrt()
        for group, feature in layer.mask.nonzero().tolist()
    ]
    expected = torch.stack(parts).sum()
    close(layer.group_lasso(), expected)
    close(*(gradients([value], [layer.weight])[0] for value in (layer.group_lasso(), expected)))


def test_group_lasso_leaves_alone_what_is_0():
    """Where a root has no slope: it would be NaN."""
    layer = trained(stages=1)
    with torch.no_grad():
        layer.weight[:3] = 0.0
    (slope,) = torch.autograd.grad(layer.group_lasso(), [layer.weight])
    assert not slope[:3].any()
    assert slope[3:].isfinite().all()


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.fixed_dictionaries(
        {
            "kernel_size": st.integers(1, 3),
            "stride": st.integers(1, 3),
            "dilation": st.integers(1, 2),
            "bias": st.booleans(),
        }
    ),
)
def test_condensed_gives_the_same_numbers(groups, factor, options):
    torch.manual_seed(groups)
    layer = trained(groups, factor, **options)
    small = layer.condensed()
    x = torch.randn(3, 11, layer.input_size, dtype=torch.float64, requires_grad=True)
    y, found = layer(x)[0], small(x)[0]
    close(found, y)
    close(*(gradients([value], [x])[0] for value in (found, y)))
    weights = small.convolution.weight.numel()
    assert weights * factor == layer.weight.numel()
    assert small.convolution.groups == groups


def test_condensed_streams_and_flushes_alike():
    torch.manual_seed(0)
    layer = trained(kernel_size=3, latency=1)
    small, x = layer.condensed(), torch.randn(2, 7, 6, dtype=torch.float64)
    assert (small.latency, small.receptive_field, small.training) == (1, 3, True)
    given = []
    for model in (layer, small):
        y, state = model(x[:, :3])
        z, state = model(x[:, 3:], state)
        given.append(torch.cat([y, z, model.flush(state)], dim=1))
    close(*given)


def test_condensed_shares_nothing():
    layer = trained()
    small = layer.condensed()
    x = torch.randn(1, 4, 6, dtype=torch.float64)
    y = small(x)[0]
    with torch.no_grad():
        layer.weight.zero_()
    assert torch.equal(small(x)[0], y)
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in small.parameters())


def test_masks_and_indices_are_saved():
    torch.manual_seed(0)
    layer = trained()
    other = LearnedGroupConv1d(6, 6, 2, groups=2, condense_factor=3).double()
    other.load_state_dict(layer.state_dict())
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    assert other.stage == 2
    assert torch.equal(other(x)[0], layer(x)[0])
    assert torch.equal(copy.deepcopy(layer)(x)[0], layer(x)[0])
    small, fresh = layer.condensed(), CondensedConv1d(6, 6, 2, groups=2, condense_factor=3).double()
    fresh.load_state_dict(small.state_dict())
    assert torch.equal(fresh(x)[0], small(x)[0])


def test_groups_learn_which_features_they_need():
    """Two outputs, of two features each: with the lasso, each group finds its own."""
    torch.manual_seed(0)
    layer = LearnedGroupConv1d(4, 2, groups=2, condense_factor=2)
    x = torch.randn(64, 1, 4)
    target = torch.stack([x[..., 0] - 2 * x[..., 3], x[..., 1] + x[..., 2]], dim=-1)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        loss = (layer(x)[0] - target).square().mean() + 1e-2 * layer.group_lasso()
        loss.backward()
        optimizer.step()
    layer.condense()
    assert layer.mask.tolist() == [[True, False, False, True], [False, True, True, False]]
    assert layer.condensed().index.indices.tolist() == [0, 3, 1, 2]


@pytest.mark.parametrize("size", [3, (4, 3)])
def test_select(size):
    indices = [2, 0, 2]
    layer = Select(size, indices)
    x = torch.randn(2, 5, *(size if isinstance(size, tuple) else (size,)))
    assert torch.equal(layer(x)[0], x[..., indices])
    assert layer.output_size == (3 if size == 3 else (4, 3))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: LearnedGroupConv1d(6, 5, groups=2, condense_factor=3),
            "groups must divide output_size 5, got 2.",
        ),
        (
            lambda: LearnedGroupConv1d(6, 4, groups=2, condense_factor=4),
            "condense_factor must divide input_size 6, got 4.",
        ),
        (
            lambda: LearnedGroupConv1d(6, 4, groups=0, condense_factor=3),
            "groups must be a whole number of at least 1",
        ),
        (
            lambda: CondensedConv1d(6, 4, groups=2, condense_factor=0),
            "condense_factor must be a whole number",
        ),
        (
            lambda: CondensedConv1d(6, 5, groups=2, condense_factor=3),
            "groups must divide output_size 5, got 2.",
        ),
        (
            lambda: trained(stages=1).condensed(),
            "1 of 2 condensing stages are done. Call condense() for each of the others, with training between them.",
        ),
        (
            lambda: trained(stages=3),
            "all 2 condensing stages are done: each group sees 1 feature in 3. Use condensed(), or a larger "
            "condense_factor from the start.",
        ),
        (lambda: Select(3, ()), "indices must name at least one feature, got none."),
        (lambda: Select(3, (0, 3)), "indices must lie within 0 and 2, got 3."),
        (lambda: Select((4, 3), (-1,)), "indices must lie within 0 and 2, got -1."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()

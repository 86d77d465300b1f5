"""Scaling against scikit-learn's."""

import re

import pytest
import torch
from sklearn.preprocessing import StandardScaler as TheirScaler

from layers.close import close
from ostinato.errors import ConfigError, DataError, ShapeError
from ostinato.layers import StandardScaler


def rows() -> torch.Tensor:
    torch.manual_seed(0)
    x = torch.randn(50, 4, dtype=torch.float64) * torch.tensor([1.0, 1e-6, 300.0, 1.0]) + 5
    x[:, 3] = 0.1  # 50 times 0.1 does not add up to 5 exactly
    return x


def test_fit_is_scikit_learn_s():
    x = rows()
    ours, theirs = StandardScaler(4, limit=1e9).double().fit(x), TheirScaler().fit(x.numpy())
    close(ours.mean, torch.from_numpy(theirs.mean_))
    close(ours.deviation, torch.from_numpy(theirs.scale_))
    close(ours(x[None])[0][0], torch.from_numpy(theirs.transform(x.numpy())))


def test_a_constant_is_only_centred():
    for constant in (0.0, 0.1, -6e4, 1e-30):
        x = torch.full((7, 1), constant, dtype=torch.float64)
        layer = StandardScaler(1).double().fit(x)
        assert layer.deviation.tolist() == [1.0]
        assert layer(x[None] + 2)[0].flatten().tolist() == pytest.approx([2.0] * 7)


def test_one_row_is_a_constant():
    assert StandardScaler(2).fit(torch.tensor([[3.0, 4.0]])).deviation.tolist() == [1.0, 1.0]


def test_the_limit_holds_on_both_sides():
    layer = StandardScaler(1, limit=2.0)
    y, _ = layer(torch.tensor([[[-9.0], [-2.0], [0.5], [2.5], [torch.inf]]]))
    assert y.flatten().tolist() == [-2.0, -2.0, 0.5, 2.0, 2.0]


def test_float32_rows_are_summed_in_float64():
    x = rows().float() + 1e6
    layer = StandardScaler(4).fit(x)
    expected = x.double().std(dim=0, correction=0)
    torch.testing.assert_close(layer.deviation[[0, 2]], expected[[0, 2]].float())


def test_what_was_fitted_is_saved():
    fitted, other = StandardScaler(4).fit(rows()), StandardScaler(4)
    other.load_state_dict(fitted.state_dict())
    x = torch.randn(2, 7, 4)
    assert torch.equal(other(x)[0], fitted(x)[0])
    assert list(fitted.parameters()) == []


@pytest.mark.parametrize("shape", [(0, 4), (5, 3), (2, 5, 4)])
def test_fit_refuses(shape):
    sentence = f"fit wants (rows, 4) with at least one row, got {shape}."
    with pytest.raises(ShapeError, match=re.escape(sentence)):
        StandardScaler(4).fit(torch.zeros(shape))


def test_size_refused():
    with pytest.raises(
        ConfigError, match=re.escape("input_size must be a whole number of at least 1, got 0.")
    ):
        StandardScaler(0)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_scaler_is_fitted_on_numbers(number):
    rows = torch.zeros(5, 3)
    rows[2, 1] = float(number)
    with pytest.raises(DataError, match=f"fit wants finite numbers, got {number} in row 2, feature 1."):
        StandardScaler(3).fit(rows)

"""Features of trades against the same features in pandas."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from contract.inputs import trades
from layers.close import close
from ostinato.errors import ConfigError, ShapeError
from ostinato.layers import TradeFeatures

WINDOWS = (2, 5, 8)
TODAY = 1.785e9  # seconds of Unix time


def by_pandas(table: np.ndarray) -> np.ndarray:
    """The docstring's features of one row of trades."""
    frame = pd.DataFrame(table, columns=["time", "price", "amount"])
    price = np.log(frame.price)
    change = (price.diff() / 1e-4).fillna(0.0)
    size = np.log(frame.amount.clip(lower=1e-8))
    columns = [
        np.sign(change),
        np.arcsinh(change),
        np.log1p(frame.time.diff().fillna(0.0).clip(lower=0.0)),
        size,
        size * np.sign(change),
    ]
    for window in WINDOWS:
        near = price.rolling(window, min_periods=1)
        columns += [np.arcsinh((near.max() - price) / 1e-4), np.arcsinh((price - near.min()) / 1e-4)]
    return np.stack(columns, axis=1)


def draw(steps: int = 30, seed: int = 0) -> torch.Tensor:
    x = trades(3, steps, torch.Generator().manual_seed(seed))
    x[0, 4, 0] -= 100  # a clock that goes back
    x[1, 7, 2] = 0.0  # an amount of nothing
    return x


def test_the_same_numbers_as_pandas():
    x = draw()
    y, _ = TradeFeatures(WINDOWS).double()(x)
    expected = np.stack([by_pandas(row) for row in x.numpy()])
    torch.testing.assert_close(y, torch.from_numpy(expected), rtol=1e-9, atol=1e-9)


def test_the_same_in_a_stream_that_ends_early():
    x, layer = draw(), TradeFeatures(WINDOWS).double()
    outputs, state = [], None
    for start in range(0, 30, 7):
        lengths = (torch.tensor([30, 11, 3]) - start).clamp(0, min(7, 30 - start))
        y, state = layer(x[:, start : start + 7], state, lengths)
        outputs.append(y)
    y = torch.cat(outputs, dim=1)
    for row, length in enumerate((30, 11, 3)):
        torch.testing.assert_close(
            y[row, :length], torch.from_numpy(by_pandas(x[row, :length].numpy())), rtol=1e-9, atol=1e-9
        )
        assert not y[row, length:].any()


def test_nothing_looks_ahead():
    x, layer = draw(), TradeFeatures(WINDOWS).double()
    whole, _ = layer(x)
    other = x.clone()
    other[:, 12:] = draw(seed=1)[:, 12:]
    close(layer(other)[0][:, :12], whole[:, :12])


def test_microseconds_of_today_survive_a_float32_network():
    waits = torch.tensor([1e-6, 5e-6, 3e-5, 1e-3], dtype=torch.float64)
    x = torch.ones(1, 5, 3, dtype=torch.float64)
    x[0, :, 0] = TODAY + torch.cat([waits.new_zeros(1), waits.cumsum(0)])
    layer = TradeFeatures(()).float()
    y, state = layer(x)
    assert y.dtype == torch.float32
    assert state.trades.dtype == torch.float64
    # float64 resolves today to 2.4e-7 s
    torch.testing.assert_close(y[0, 1:, 2].double().expm1(), waits, rtol=1e-5, atol=2.5e-7)


def test_one_trade_at_a_time_keeps_the_time_too():
    layer, state = TradeFeatures(()).float(), None
    for place in range(3):
        trade = torch.tensor([[[TODAY + 1e-5 * place, 100.0, 1.0]]], dtype=torch.float64)
        y, state = layer(trade, state)
    assert float(y[0, 0, 2]) == pytest.approx(1e-5, abs=2.5e-7)


@pytest.mark.parametrize("cast", ["float", "double", "half", "bfloat16"])
def test_y_has_the_dtype_of_the_network(cast):
    layer = getattr(TradeFeatures((2,)), cast)()
    y, _ = layer(draw())
    assert y.dtype == layer.output_dtype(torch.float64) == getattr(torch, cast)
    assert "anchor" not in layer.state_dict()


def test_refusals():
    with pytest.raises(ConfigError, match=re.escape("windows must be at least 2 trades long, got 1.")):
        TradeFeatures((8, 1))
    sentence = "trades must be float64, got torch.float32: float32 cannot hold times. Pass x.double()."
    with pytest.raises(ShapeError, match=re.escape(sentence)):
        TradeFeatures()(torch.zeros(1, 2, 3))


@pytest.mark.parametrize("window", [2.5, 8.0, True, "8"])
def test_a_feature_window_is_a_whole_number(window):
    with pytest.raises(
        ConfigError, match=re.escape(f"windows must be whole numbers of trades, got {window!r}.")
    ):
        TradeFeatures((4, window))


def test_features_without_windows_look_at_two_trades():
    assert TradeFeatures(()).receptive_field == 2

"""A forecast reads the past only, and is the same number however the trades arrive."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ostinato.data.reading import panel_of_trades
from ostinato.tasks.forecasting import open_run, predict
from ostinato.tasks.forecasting.features import raw_rows
from ostinato.tasks.forecasting.streaming import stream
from tasks.conftest import cut

ROWS = (1, 2, 31, 600, 1_199)


@pytest.fixture(scope="module")
def opened(fitted):
    return open_run(fitted.run.folder.path)


def p_up(run, trades, chunk=2048):
    return predict(run, trades, chunk)["p_up"].to_numpy()


@pytest.mark.parametrize("rows", ROWS)
def test_cutting_the_trades_changes_no_earlier_forecast(opened, trades, rows):
    np.testing.assert_allclose(
        p_up(opened, cut(trades, rows)), p_up(opened, trades)[:rows], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("rows", ROWS)
def test_another_future_changes_no_earlier_forecast(opened, trades, rows):
    """Other times, prices and amounts from ``rows`` on: the row right before them stays as it was."""
    later = np.arange(len(trades)) >= rows
    other = replace(
        trades,
        time=trades.time + 1e4 * later,
        price=np.where(later, 3 * trades.price[::-1], trades.price),
        amount=np.where(later, 50.0, trades.amount),
    )
    whole, changed = p_up(opened, trades), p_up(opened, other)
    np.testing.assert_allclose(changed[:rows], whole[:rows], rtol=0, atol=1e-6)
    assert np.abs(changed[rows:] - whole[rows:]).max() > 1e-4


@pytest.mark.parametrize(("chunk", "rows"), [(1, 300), (7, 1_200), (333, 1_200)])
def test_forecasts_do_not_depend_on_chunks(opened, trades, chunk, rows):
    some = cut(trades, rows)
    np.testing.assert_allclose(p_up(opened, some, chunk), p_up(opened, some), rtol=0, atol=1e-6)


def test_forecasts_do_not_depend_on_random_chunks(opened, trades):
    raw, generator = raw_rows(opened.recipe, panel_of_trades(trades)), np.random.default_rng(0)
    cuts = np.sort(generator.choice(len(trades), size=40, replace=False))
    state, outputs = None, []
    with torch.inference_mode():
        for piece in np.split(np.arange(len(trades)), cuts):
            y, state = opened.model(raw[None, piece], state)
            outputs.append(y[0, :, 0])
    found = torch.sigmoid(torch.cat(outputs).double()).numpy()
    np.testing.assert_allclose(found, p_up(opened, trades), rtol=0, atol=1e-6)


def test_features_alone_read_the_past_only(finished, trades):
    features, raw = finished.run.model.features, raw_rows(finished.run.recipe, panel_of_trades(trades))
    whole = stream(features, raw)
    for rows in ROWS:
        torch.testing.assert_close(stream(features, raw[:rows]), whole[:rows], rtol=0, atol=1e-6)
        torch.testing.assert_close(stream(features, raw[:rows], chunk=5), whole[:rows], rtol=0, atol=1e-6)

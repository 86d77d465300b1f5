"""Live equals offline: the ledger is what ``predict`` says, and the losses are those that ``evaluate`` averages."""

from dataclasses import replace

import numpy as np
import pytest

from contract.registry.models import MODEL_OPTIONS
from ostinato.data.simulator import simulate_trades
from ostinato.live import Event
from ostinato.store import verify
from ostinato.tasks.forecasting import fit, open_run
from ostinato.tasks.forecasting.predicting import forecast_rows
from ostinato.tasks.forecasting.reading import panel_of
from ostinato.tasks.forecasting.targets import target_of
from tasks.live.conftest import drive, ledger, scores
from tasks.panels import LOOKBACK, bars, table

CLOSE = 1e-6  # float32
QUICK = {"epochs": 1, "streams": 4, "update_every": 32, "sampler": "streams"}


def of_bars(**fields):
    return LOOKBACK | {"scale_halflife": 20.0, "target": "return", "horizon": 3} | fields


def holes_in(panel, rows):
    """The same panel with some rows missing, filled as readers fill them."""
    observed = np.ones(len(panel), bool)
    observed[rows] = False
    last = np.maximum.accumulate(np.where(observed, np.arange(len(panel)), 0))
    values = {name: column[last] for name, column in panel.values.items()}
    if panel.kind == "bars":
        values |= {
            name: np.where(observed, values[name], values["close"]) for name in ("open", "high", "low")
        }
        values["volume"] = np.where(observed, values["volume"], 0.0)
    return replace(panel, values=values, observed=observed)


def run_of(panel, folder, model="lstm", **recipe):
    done = fit(panel, folder / "run", model, options=MODEL_OPTIONS[model], training=QUICK, recipe=recipe)
    return open_run(done.run.folder.path)


def check(run, panel, lives, close=CLOSE, keys=None):
    """Every prediction and every loss beside those that are made from the whole panel at once."""
    engine = lives.engine(run, panel)
    drive(engine)
    found, numbers = ledger(engine)
    rows = np.arange(len(panel)) if panel.observed is None else np.flatnonzero(panel.observed)
    keys = rows if keys is None else keys
    np.testing.assert_array_equal(found, keys)
    expected = forecast_rows(run, panel, rows)
    np.testing.assert_allclose(numbers, expected.reshape(len(rows), -1), rtol=0, atol=close)
    target = target_of(run.recipe)
    labelled = target.labelled(panel, rows)
    fold = run.recipe.own_fold(panel)
    losses = target.row_metrics(panel, labelled, expected[np.isin(rows, labelled)], fold)[target.measure]
    made = {key: loss[0] for key, _, loss, _ in scores(engine) if np.isfinite(loss[0])}
    assert sorted(made) == keys[np.isin(rows, labelled)].tolist()
    np.testing.assert_allclose(list(made.values()), losses, rtol=1e-5, atol=close)
    if run.recipe.target != "direction":  # those learn on; see test_baselines_of_a_direction_learn_on
        check_baselines(engine, target, panel, labelled, fold)
    check_verified(engine)
    return engine


def check_verified(engine):
    """What verify computes from the events alone is what was lived, down to the last loss."""
    verdict = verify(engine.store.path)
    assert verdict[:2] == (True, ())
    assert verdict.remarks == ()
    assert verdict.losses == len(scores(engine)) * (1 + len(engine.forecaster.baselines)) > 0


def check_baselines(engine, target, panel, labelled, fold):
    """Fitted once, they say live what they say offline."""
    rivals = dict(target.baselines(panel, labelled, fold))
    losses = np.array([loss for _, _, loss, _ in scores(engine) if np.isfinite(loss[0])])
    for place, name in enumerate(engine.forecaster.baselines, 1):
        expected = target.row_metrics(panel, labelled, rivals[name], fold)[target.measure]
        if target.recipe.form != "point":  # of which they say the median here, the mean there
            np.testing.assert_allclose(losses[:, place], expected, rtol=1e-6, err_msg=name)
    assert len(losses[0]) == 4


def test_directions_of_every_model(fitted, trades, lives):
    check(open_run(fitted.run.folder.path), panel_of(trades, fitted.run.recipe), lives)


def test_baselines_of_a_direction_learn_on(fitted, trades, lives):
    """On test rows they begin as they were fitted, and count what was resolved since."""
    run = open_run(fitted.run.folder.path)
    panel = panel_of(trades, run.recipe)
    target, fold = target_of(run.recipe), run.recipe.own_fold(panel)
    engine = lives.engine(run, panel)
    counts = engine.forecaster.baselines["base_rate"].each[0].state()
    rows = target.fitted(panel, fold)
    ups = int(target.labels(panel, rows).sum())
    assert counts == {"ups": ups, "rows": len(rows)}
    offline = dict(target.baselines(panel, fold.test, fold))
    for place, name in enumerate(engine.forecaster.baselines):
        assert name == ("base_rate", "sign_table")[place]
    engine.resume()
    first = engine.forecaster.step(Event(0, float(panel.time[0]), (1.0, 1.0), 0.0)).answer
    assert first.baselines[0] == pytest.approx(offline["base_rate"][0], abs=1e-12)
    drive(engine)
    seen = engine.forecaster.baselines["base_rate"].each[0].state()
    begin, end = run.recipe.fitted_from, run.recipe.fitted_until
    fresh = int(((panel.time < begin) | (panel.time > end)).sum())
    assert seen["rows"] == len(rows) + fresh - 1


@pytest.mark.parametrize("model", ["lstm", "gru", "tcn", "cnn"])
def test_returns_of_bars(model, tmp_path, lives):
    panel = bars(400)
    check(run_of(panel, tmp_path, model, **of_bars()), panel, lives)


@pytest.mark.parametrize("form", ["free_quantiles", "student_t", "point"])
def test_every_form(form, tmp_path, lives):
    panel = bars(400)
    check(run_of(panel, tmp_path, **of_bars(form=form)), panel, lives)


def test_bars_that_are_missing(tmp_path, lives):
    panel = holes_in(bars(400), [50, 51, 52, 200, 300, 301])
    check(run_of(panel, tmp_path, **of_bars()), panel, lives)


def test_columns_of_a_table_with_gaps_at_several_horizons(tmp_path, lives):
    panel = replace(table(400), known=())
    panel = holes_in(panel, [70, 71, 200, 201, 202, 203, 204])
    run = run_of(panel, tmp_path, **(LOOKBACK | {"target": "a", "horizons": [1, 4]}))
    check(run, panel, lives, 1e-5)


def test_several_columns(tmp_path, lives):
    panel = holes_in(replace(table(400), known=()), [70, 71, 200])
    run = run_of(panel, tmp_path, **(LOOKBACK | {"target": "a,b", "horizons": [1, 4]}))
    check(run, panel, lives, 1e-5)


@pytest.mark.parametrize("size", ["20t", "7v"])
def test_bars_that_trades_fill(size, tmp_path, lives):
    """By number and by volume: a bar and its prediction come with the trade that fills it."""
    trades = simulate_trades(6000, seed=5)
    recipe = of_bars(bars=size)
    run = run_of(trades, tmp_path, **recipe)
    panel = panel_of(trades, run.recipe)
    events = panel_of(trades, run.recipe.model_copy(update={"bars": "", "kind": "trades"}))
    engine = lives.engine(run, events)
    drive(engine)
    keys, numbers = ledger(engine)
    assert len(keys) == len(panel)
    expected = forecast_rows(run, panel, np.arange(len(panel)))
    np.testing.assert_allclose(numbers, expected.reshape(len(panel), -1), rtol=0, atol=CLOSE)
    np.testing.assert_array_equal(trades.price[keys], panel.values["close"])
    check_verified(engine)


def test_what_is_resolved_is_resolved_by_the_event_that_shows_it(tmp_path, lives):
    panel = bars(400)
    engine = check(run_of(panel, tmp_path, **of_bars()), panel, lives)
    assert all(by == key + 3 for key, by, _, _ in scores(engine))

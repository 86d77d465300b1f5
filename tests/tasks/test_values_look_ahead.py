"""Forecasts of values read the past, and of what is known in advance no more than they may."""

import numpy as np
import pytest
import torch

from contract.registry.models import MODEL_OPTIONS
from ostinato.tasks.forecasting.features import raw_rows
from ostinato.tasks.forecasting.streaming import stream
from tasks.panels import bars, changed, recipe_for, table, untrained

CUT = 250
FORMS = ("quantiles", "free_quantiles", "student_t", "point")
OHLCV = ("open", "high", "low", "close", "volume")


def forecasts(model, recipe, panel, chunk=2048):
    return stream(model, raw_rows(recipe, panel), panel, chunk)


def first_change(one, other) -> int:
    """The first row in which two outputs differ at all."""
    return int((one != other).any(dim=1).nonzero()[0])


@pytest.mark.parametrize("name", MODEL_OPTIONS)
@pytest.mark.parametrize("target", ["return", "direction"])
def test_other_bars_to_come_change_no_earlier_forecast(name, target):
    panel = bars()
    recipe = recipe_for(panel, target=target, horizon=3)
    model = untrained(recipe, name)
    other = changed(panel, np.arange(CUT, len(panel)), *OHLCV)
    change = first_change(forecasts(model, recipe, panel), forecasts(model, recipe, other))
    assert CUT <= change < CUT + 7  # behind the CNN's rectifiers a bar may tell nothing until it is older


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("column", ["a", "b", "c"])
def test_other_values_to_come_change_no_earlier_forecast(form, column):
    panel = table()
    recipe = recipe_for(panel, form=form, covariates=["c"])
    model = untrained(recipe)
    other = changed(panel, np.arange(CUT, len(panel)), column)
    assert first_change(forecasts(model, recipe, panel), forecasts(model, recipe, other)) == CUT


def test_what_is_known_is_seen_at_the_horizons_and_no_further():
    panel = table()
    recipe = recipe_for(panel)
    assert recipe.known_ahead == (1, 4)
    model = untrained(recipe)
    other = changed(panel, np.arange(CUT, len(panel)), "k")
    assert first_change(forecasts(model, recipe, panel), forecasts(model, recipe, other)) == CUT - 4


def test_what_is_known_of_one_series_tells_nothing_of_another():
    """Where a series ends the last that is known of it is seen, not the beginning of the next."""
    panel = table(60, 50)
    recipe = recipe_for(panel)
    raw = raw_rows(recipe, panel)
    other = raw_rows(recipe, changed(panel, np.arange(60, 110), "k"))
    assert torch.equal(raw[:60], other[:60])
    k = panel.values["k"]
    names = [*recipe.inputs, *(("k", steps) for steps in recipe.known_ahead)]
    at = 1 + names.index(("k", 4))
    np.testing.assert_array_equal(raw[:60, at], k[np.minimum(np.arange(60) + 4, 59)])
    np.testing.assert_array_equal(raw[60:, at], k[np.minimum(np.arange(60, 110) + 4, 109)])


@pytest.mark.parametrize("chunk", [1, 7, 64, 333])
@pytest.mark.parametrize("form", FORMS)
def test_a_panel_in_chunks_equals_the_whole(form, chunk):
    panel = table(150, 40, 97)
    recipe = recipe_for(panel, form=form)
    model = untrained(recipe, "gru").float()
    whole = forecasts(model, recipe, panel)
    assert whole.dtype == torch.float64
    torch.testing.assert_close(forecasts(model, recipe, panel, chunk), whole, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", MODEL_OPTIONS)
def test_each_series_of_a_panel_is_as_if_it_were_alone(name):
    """However long the others are, and wherever the chunks end."""
    lengths = (150, 1, 97, 40)
    panel = table(*lengths)
    recipe = recipe_for(panel)
    model = untrained(recipe, name)
    raw, together = raw_rows(recipe, panel), forecasts(model, recipe, panel, chunk=80)
    for start, stop in zip(panel.starts, panel.stops, strict=True):
        alone = stream(model, raw[start:stop])
        torch.testing.assert_close(together[start:stop], alone, rtol=1e-10, atol=1e-10)


def test_a_part_of_a_panel_is_streamed_as_far_as_it_goes():
    """The first rows of a panel may end within any series."""
    panel = table(50, 60)
    recipe = recipe_for(panel)
    model = untrained(recipe)
    raw = raw_rows(recipe, panel)
    whole = stream(model, raw, panel)
    for rows in (1, 49, 50, 51, 110):
        torch.testing.assert_close(stream(model, raw[:rows], panel), whole[:rows], rtol=1e-10, atol=1e-10)


def test_further_columns_of_bars_are_seen():
    panel = bars()
    panel.values["mood"] = np.random.default_rng(1).standard_normal(len(panel)).cumsum()
    recipe = recipe_for(panel, target="return", covariates=["mood"])
    model = untrained(recipe)
    other = changed(panel, np.arange(CUT, len(panel)), "mood")
    assert first_change(forecasts(model, recipe, panel), forecasts(model, recipe, other)) == CUT

"""What plots show, against pandas and scikit-learn; and that plotly takes them."""

import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest
from sklearn.metrics import log_loss, mean_pinball_loss

from ostinato.report import direction_plots, error_plots, value_plots
from ostinato.report.facts import Facts
from ostinato.report.forecasts import read_forecasts
from ostinato.runs import read_config, write_predictions
from report.conftest import HOUR, LEVELS, NORMAL, direction_frame, value_frame

BARS = Facts("lstm", "return", 1, False, "bar", HOUR, "", False)


def forecasts(tmp_path, frame, facts=BARS):
    write_predictions(tmp_path / "predictions.parquet", frame)
    return read_forecasts(tmp_path / "predictions.parquet", facts)


def trace(figure, name):
    return next(trace for trace in figure.traces if trace.get("name") == name)


def test_losses_are_those_of_scikit_learn(tmp_path):
    frame = value_frame(300)
    part = forecasts(tmp_path, frame).part()
    theirs = [
        mean_pinball_loss(frame["actual"], np.full(300, z), alpha=level / 100)
        for level, z in zip(LEVELS, NORMAL, strict=True)
    ]
    assert part.losses("pinball").mean() == pytest.approx(np.mean(theirs))
    up = direction_frame(300)
    part = forecasts(tmp_path, up).part()
    assert part.losses("log_loss").mean() == pytest.approx(log_loss(up["actual"], up["p_up"]))


def test_errors_by_hour_and_day_are_those_of_pandas(tmp_path):
    frame = value_frame(24 * 30).to_pandas()
    part = forecasts(tmp_path, value_frame(24 * 30)).part()
    frame["loss"] = (frame["actual"] - frame["q50"]) ** 2
    when = frame["time"].astype("datetime64[s]")
    by_hour, by_day = error_plots.by_clock(part, "mse", BARS)
    theirs = frame.groupby(when.dt.hour)["loss"]
    np.testing.assert_allclose(by_hour.traces[1]["y"], theirs.mean())
    np.testing.assert_allclose(by_hour.traces[1]["error_y"]["array"], 2 * theirs.sem())
    assert by_hour.traces[0]["y"].tolist() == theirs.count().tolist()
    theirs = frame.groupby(when.dt.day_of_week)["loss"].mean()
    assert list(by_day.traces[1]["x"]) == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    np.testing.assert_allclose(by_day.traces[1]["y"], theirs)


def test_coverage_and_places_among_quantiles(tmp_path):
    part = forecasts(tmp_path, value_frame(20_000)).part()
    found = value_plots.coverage_by_level(part)
    np.testing.assert_allclose(trace(found, "observed")["y"], np.array(LEVELS) / 100, atol=0.015)
    histogram = value_plots.between_levels(part).traces[0]["y"]
    np.testing.assert_allclose(histogram, 1.0, atol=0.1)
    assert np.mean(histogram) == pytest.approx(1.0)


def test_reliability_of_honest_probabilities(tmp_path):
    figure = direction_plots.reliability_diagram(forecasts(tmp_path, direction_frame(20_000)).part())
    found = trace(figure, "observed")
    np.testing.assert_allclose(found["x"], found["y"], atol=0.05)
    assert np.sum(found["customdata"]) == 20_000


def test_errors_by_steps_ahead_are_those_of_pandas(tmp_path):
    frame = value_frame(50, horizons=(1, 2, 5))
    facts = Facts("lstm", "load", 5, True, "row", HOUR, "", False)
    figure = error_plots.by_horizon(forecasts(tmp_path, frame, facts).part(), "mse", facts)
    theirs = (
        frame.to_pandas().assign(e=lambda f: (f["actual"] - f["q50"]) ** 2).groupby("horizon")["e"].mean()
    )
    assert figure.traces[0]["x"].tolist() == [1, 2, 5]
    np.testing.assert_allclose(figure.traces[0]["y"], theirs)


def test_a_path_lies_where_it_foresees(tmp_path):
    facts = Facts("lstm", "load", 3, True, "row", HOUR, "", False)
    found = forecasts(tmp_path, value_frame(20, horizons=(1, 2, 3)), facts)
    figure = value_plots.paths(found, 0, None, facts, "load")
    first = next(trace for trace in figure.traces if trace.get("name") == "what happened")
    last_of = [trace for trace in figure.traces if trace.get("name") == "what happened"][-1]
    # the last row is 19 hours after the first, 2020-09-13 12:26:40
    assert last_of["x"] == ["2020-09-14T08:26:40", "2020-09-14T09:26:40", "2020-09-14T10:26:40"]
    assert first["x"][0] < last_of["x"][0]


def test_correlated_errors_are_called_so_and_white_ones_not(tmp_path):
    white = error_plots.residuals(forecasts(tmp_path, value_frame(600)).part(), BARS)
    assert "nothing speaks against white noise" in white.summary
    frame = value_frame(600)
    walk = frame.with_columns(actual=frame["actual"].cum_sum())
    walking = error_plots.residuals(forecasts(tmp_path, walk).part(), BARS)
    assert "still hold something" in walking.summary
    assert walking.traces[0]["y"][0] > 0.9


def test_overlapping_labels_are_not_held_against_a_forecast(tmp_path):
    facts = Facts("lstm", "return", 24, False, "bar", HOUR, "", False)
    frame = value_frame(600).drop("horizon")
    figure = error_plots.residuals(forecasts(tmp_path, frame, facts).part(), facts)
    assert "first 23 lags" in figure.summary
    assert "Ljung" not in figure.summary
    assert any(shape.get("x0") == 23.5 for shape in figure.layout["shapes"])


def test_series_are_kept_apart(tmp_path, make):
    path = make.run("run", value_frame(50, series=3), data={"id": "name", "target": "load"})
    found = read_forecasts(path / "predictions.parquet", Facts.of(read_config(path / "config.json")))
    assert found.series == ("series 0", "series 1", "series 2")
    assert found.part(0, 1).row.tolist() == list(range(1050, 1100))
    assert len(found.part()) == 150


@pytest.mark.parametrize("kind", ["return", "direction", "paths", "series", "compared"])
def test_plotly_knows_every_option_and_traces_are_short(pages, kind):
    page = (pages[kind] / "report.html").read_text()
    figures = [json.loads(text) for text in re.findall(r'data-plot="[^"]*">(.*?)</script>', page)]
    assert figures
    for figure in figures:
        go.Figure(figure["data"], figure["layout"])  # refuses what it does not know
        assert all(len(trace["x"]) == len(trace["y"]) <= 3000 for trace in figure["data"])


def test_quantiles_between_whole_per_cents_are_read_in_order(tmp_path):
    frame = value_frame(20).rename({"q10": "q02", "q20": "q02.5", "q90": "q97.5"})
    found = forecasts(tmp_path, frame.select(reversed(frame.columns)))
    levels = [0.02, 0.025, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.975]
    np.testing.assert_array_equal(found.whole.levels, levels)
    assert (np.diff(found.whole.forecast, axis=1) > 0).all()
    figure = value_plots.between_levels(found.whole.known)
    assert figure.traces[0]["x"][:3] == ["0–2", "2–2.5", "2.5–30"]
    assert value_plots.bands([0], found.whole.forecast[:1], np.array(levels))[1]["name"].startswith("95.5, ")

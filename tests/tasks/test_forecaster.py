"""Forecaster: in the manner of scikit-learn, and the same numbers as fit, predict and evaluate."""

import copy
import gc
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone

from contract.registry.models import MODEL_OPTIONS
from ostinato.errors import ConfigError, DataError, OstinatoError
from ostinato.tasks.forecasting import Forecaster, evaluate, open_run

TRAINING = {"epochs": 2, "streams": 4, "update_every": 32}


def frame(rows: int = 600) -> pl.DataFrame:
    random = np.random.default_rng(0)
    hours = np.arange(rows)
    load = 10 + np.sin(hours / 24 * 2 * np.pi) + 0.1 * random.standard_normal(rows)
    stamps = pl.Series(hours * 3_600_000_000 + 1_600_000_000_000_000).cast(pl.Datetime("us"))
    return pl.DataFrame({"time": stamps, "load": load, "promo": (hours % 7 == 0).astype(float)})


def small(**changes) -> Forecaster:
    usual = {"target": "load", "horizon": 3, "options": MODEL_OPTIONS["lstm"], "training": TRAINING}
    return Forecaster("lstm", **(usual | changes))


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return small().fit(frame())


def test_it_is_cloned_with_its_parameters_and_without_what_it_learnt(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "run_")
    assert copy.set_params(horizon=5).horizon == 5
    assert fitted.horizon == 3


def test_the_answer_comes_in_the_kind_of_the_question(fitted):
    for kind, made in (
        (pd.DataFrame, frame().to_pandas()),
        (pl.DataFrame, frame()),
        (pa.Table, frame().to_arrow()),
    ):
        assert isinstance(fitted.predict(made, last=1), kind)


def test_the_last_rows_have_forecasts_without_labels(fitted):
    found = fitted.predict(frame(), last=1)
    assert found["horizon"].to_list() == [1, 2, 3]
    assert found["actual"].null_count() == 3
    assert found["q10"].is_finite().all()


def test_score_is_skill_beside_the_best_baseline(fitted):
    found = evaluate(fitted.run_, frame())
    best = min(metrics["pinball"] for metrics in found.baselines.values())
    assert fitted.score(frame()) == pytest.approx(1 - found.test["pinball"] / best, rel=1e-12)
    assert fitted.results_.test["pinball"] == pytest.approx(found.test["pinball"], rel=1e-9)


def test_text_with_commas_names_columns(fitted):
    found = small(known="promo").fit(frame()).run_.recipe
    assert found.known == ("promo",)


def test_numbers_of_numpy_are_numbers():
    assert small(horizon=np.int64(2)).fit(frame()).run_.recipe.horizon == 2


def test_the_temporary_run_goes_with_the_forecaster():
    made = small().fit(frame())
    path = Path(made.run_.folder.path)
    assert path.exists()
    del made
    gc.collect()
    assert not path.exists()


def test_mistakes_are_sentences(fitted):
    with pytest.raises(OstinatoError, match="not fitted yet"):
        small().predict(frame())
    with pytest.raises(ConfigError, match=r"no parameter 'horizont'\. Did you mean 'horizon'"):
        small().set_params(horizont=2)
    with pytest.raises(ConfigError, match="takes no y"):
        small().fit(frame(), frame()["load"])
    with pytest.raises(DataError):
        small(target="lode").fit(frame())


def test_a_copy_keeps_the_folder_of_its_run():
    forecaster = small().fit(frame())
    copies = [copy.copy(forecaster), copy.deepcopy(forecaster)]
    expected, folder = forecaster.predict(frame(), last=1), forecaster.run_.folder.path
    with pytest.raises(OstinatoError, match="cannot be pickled: the folder goes with this"):
        pickle.dumps(forecaster)
    assert pickle.loads(pickle.dumps(small())).get_params() == small().get_params()
    del forecaster
    gc.collect()
    for one in copies:
        assert one.predict(frame(), last=1).equals(expected)
        assert open_run(one.run_.folder.path).folder.path == folder
    copies.clear()
    del one
    gc.collect()
    assert not folder.exists()

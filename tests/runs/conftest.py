"""A small, complete run."""

import pytest

from ostinato.runs import ModelFacts, Results, RunConfig, SkillTest, SkillTests, TrainingFacts
from ostinato.runs.results import PartFacts


@pytest.fixture
def config():
    return RunConfig(
        task="forecast",
        created="2026-01-31T12:00:00+00:00",
        seed=7,
        versions={"ostinato": "0.1.0", "torch": "2.13.0"},
        columns={"time": "time", "price": "price"},
        data={"origin_seconds": 1534131395.0, "split": [0.7, 0.1, 0.2]},
        model={"name": "lstm", "hidden": 64, "dropout": None},
        training={"epochs": 5, "clip": {"norm": 1.0}},
    )


@pytest.fixture
def results():
    return Results(
        test={"log_loss": 0.6, "auc": float("nan")},
        validation={"log_loss": 0.59},
        baselines={"base_rate": {"log_loss": 0.628}},
        tests=SkillTests(diebold_mariano={"base_rate": SkillTest(statistic=-3.5, p_value=0.0005)}),
        training=TrainingFacts(seconds=12.5, epochs=3, stopped="no better for 2 epochs"),
        model=ModelFacts(parameters=1234, step_us=9.5),
        parts={"test": PartFacts(rows=5, first=1.5, last=9.0)},
    )

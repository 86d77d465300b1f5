"""Skill beside baselines: means, verdicts, and what is no difference at all."""

import dataclasses
import json
import math

import numpy as np
import pytest

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation.online import OnlineSkill
from ostinato.evaluation.online.skill import outcome_of_bounds


def after(losses, names=("base_rate", "sign_table")):
    skill = OnlineSkill(names)
    for row in losses:
        skill.add(row)
    return skill


def test_means_and_relative_skill():
    losses = np.random.default_rng(0).random((200, 3))
    first, second = after(losses).summary()
    ours, base, table = losses.mean(axis=0)
    assert (first.baseline, second.baseline) == ("base_rate", "sign_table")
    assert first.loss == pytest.approx(ours)
    assert second.baseline_loss == pytest.approx(table)
    assert first.difference == pytest.approx(ours - base)
    assert first.relative == pytest.approx(1 - ours / base)
    assert (first.low, first.high, first.rows) == (None, None, 200)
    assert first.outcome == "not tested"
    assert first.words == "cannot be told from the base rate yet"


def test_the_verdict_follows_the_interval():
    r = np.random.default_rng(0)
    noise = r.normal(size=3000)
    better, worse = after(
        np.stack([noise + 5, noise + 5 + r.random(3000), noise + 5 - r.random(3000)], 1)
    ).summary()
    assert better.low < better.difference < better.high < 0
    assert (better.outcome, better.words) == ("better", "better than the base rate")
    assert 0 < worse.low < worse.difference < worse.high
    assert worse.words == "worse than the sign table"
    assert outcome_of_bounds(-1.0, 0.0) == outcome_of_bounds(0.0, 1.0) == "no better"
    assert outcome_of_bounds(-math.inf, math.inf) == "not tested"


def test_rounding_is_no_skill():
    losses = np.random.default_rng(0).random(1000)
    (one,) = after(np.stack([losses, losses * (1 + 4e-16)], 1), ["naive"]).summary()
    assert one.difference == 0.0
    assert one.words == "cannot be told from naive yet"


def test_a_baseline_without_loss_has_no_relative_skill():
    (one,) = after([(1.0, 0.0)], ["naive"]).summary()
    assert one.relative is None
    json.dumps(dataclasses.asdict(one), allow_nan=False)


def test_a_refused_row_changes_nothing():
    skill = after([(1.0, 2.0, 3.0)])
    for wrong in ([1.0, 2.0], [1.0, math.nan, 2.0], [math.inf, 1.0, 1.0]):
        with pytest.raises(DataError, match="losses must be"):
            skill.add(wrong)
    assert skill.count == 1
    assert skill.summary()[1].baseline_loss == 3.0
    with pytest.raises(ConfigError, match="each baseline may be named once"):
        OnlineSkill(["naive", "naive"])

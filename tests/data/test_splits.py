"""Parts in the order of time, with a gap."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data.splits import Part, chronological_split
from ostinato.errors import ConfigError, DataError


@given(
    st.integers(60, 5000),
    st.integers(0, 5),
    st.sampled_from([(0.7, 0.1, 0.2), (0.5, 0.25, 0.25), (0.6, 0.2, 0.2)]),
)
def test_no_label_looks_into_the_next_part(rows, purge, fractions):
    split = chronological_split(rows, fractions, purge)
    assert split.train.start == 0
    assert split.train.stop + purge == split.validation.start
    assert split.validation.stop + purge == split.test.start
    assert split.test.stop == rows
    for part, fraction in zip((split.train, split.validation), fractions, strict=False):
        assert abs(len(part) + purge - fraction * rows) <= 1
    assert min(map(len, (split.train, split.validation, split.test))) > 0


def test_parts_index_arrays():
    split = chronological_split(10, (0.5, 0.3, 0.2), purge=1)
    assert list(range(10))[split.validation.rows] == [5, 6]
    assert split.test == Part(8, 10)


@pytest.mark.parametrize(
    "fractions", [(0.7, 0.1, 0.1), (1.2, -0.4, 0.2), (0.8, 0, 0.2), (float("nan"), 0.5, 0.5)]
)
def test_fractions_must_cut_a_whole(fractions):
    with pytest.raises(ConfigError, match=re.escape(f"must be above 0 and add up to 1, got {fractions}")):
        chronological_split(100, fractions)


def test_impossible_splits():
    with pytest.raises(ConfigError, match="fractions are three, of train, validation and test; got 2"):
        chronological_split(100, (0.5, 0.5))
    with pytest.raises(ConfigError, match="purge must be 0 rows or more, got -1"):
        chronological_split(100, purge=-1)
    with pytest.raises(
        DataError, match="50 rows are too few: the validation part has 5, and labels that look 5 ahead"
    ):
        chronological_split(50, purge=5)
    with pytest.raises(DataError, match=r"^1 row is too few: the train part has 1"):
        chronological_split(1)
    with pytest.raises(DataError, match="0 rows are too few: the train part has 0"):
        chronological_split(0)

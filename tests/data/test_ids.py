"""Ids that look alike: one series where no reader could tell them apart, else a note; never two of one name."""

import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data.reading import read_panel
from ostinato.data.series import read_ids, seen_as
from ostinato.data.table import Table
from ostinato.errors import ColumnError, DataError

HOURS = 1_600_000_000 + 3600 * np.arange(40)
ALIKE = {
    "a space after": "Zoë ",
    "a space that does not break": "\u00a0Zoë",
    "decomposed": unicodedata.normalize("NFD", "Zoë"),
    "no width": "Zo\u200bë",
    "byte order mark": "\ufeffZoë",
}


def table(ids, times=HOURS):
    return pl.DataFrame({"time": times, "y": np.arange(len(times)) % 7.0, "id": ids})


@pytest.mark.parametrize("other", ALIKE.values(), ids=ALIKE)
def test_spellings_of_one_name_are_one_series_and_told(other, tmp_path):
    path = tmp_path / "x.csv"
    table(["Zoë", other] * 20).write_csv(path)
    panel = read_panel(path, target="y", id="id")
    assert panel.ids == ("Zoë",)
    assert panel.observed is None
    (note,) = [note for note in panel.report.notes if "ids" in note]
    assert note == (
        f"the ids 'Zo\\xeb' and {other!a} differ only in spaces, invisible characters or the Unicode form, and "
        "were taken for one series"
    )


def test_two_rows_at_one_time_are_refused_with_the_reason():
    with pytest.raises(
        DataError, match=r"the same time as in row 0 .* the ids 'A' and 'A ' differ only in spaces"
    ):
        read_panel(table(["A", "A "] * 40, np.repeat(HOURS, 2)), target="y", id="id")


@pytest.mark.parametrize("other", ["btc", "ＢＴＣ"], ids=["case", "width"])
def test_names_that_differ_to_the_eye_are_series_of_their_own_and_told(other):
    panel = read_panel(table(["BTC", other] * 40, np.repeat(HOURS, 2)), target="y", id="id")
    assert panel.ids == ("BTC", other)
    assert any(
        note == f"the ids 'BTC' and {other!a} differ only in case or the form of letters, and are 2 series"
        for note in panel.report.notes
    )


def test_others_are_not_told_of():
    panel = read_panel(table(["B", "A"] * 40, np.repeat(HOURS, 2)), target="y", id="id")
    assert panel.ids == ("B", "A")
    assert not any("ids" in note for note in panel.report.notes)


@pytest.mark.parametrize("nothing", ["", "  ", "\u200b", None])
def test_an_id_that_nobody_sees_is_none(nothing):
    with pytest.raises(ColumnError, match=r"row 3 of the table .* has no id in 'id'"):
        read_panel(table(["A"] * 3 + [nothing] + ["A"] * 36), target="y", id="id")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(st.sampled_from("aA e\u0301é\u200b\u00a0"), min_size=1, max_size=4), min_size=1, max_size=6
    )
)
def test_no_two_series_have_names_that_are_seen_alike(names):
    names = [name + "x" for name in names]
    frame = pl.DataFrame({"id": names})
    ids = read_ids(frame["id"], Table(frame, "the data frame"))
    assert (
        len({seen_as(name) for name in ids.names}) == len(ids.names) == len({seen_as(name) for name in names})
    )
    assert [seen_as(ids.names[code]) for code in ids.codes] == [seen_as(name) for name in names]
    assert (len(set(names)) > len(ids.names)) == ("taken for one" in ids.merged)

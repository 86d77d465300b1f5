"""When a forecast may be believed."""

import pytest

from ostinato.dashboard.status import LONG, SILENT, status
from ostinato.store import Health

NOW = 1_800_000_000.0


def health(**more):
    fields = {"time": NOW, "state": "live", "feed": "f", "started": NOW - 99, "stale_after": 30.0}
    return Health(**(fields | {"last_received": NOW - 1} | more))


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (None, "waiting"),
        (health(), "live"),
        (health(last_received=None), "live"),
        (health(last_received=NOW - 29), "live"),
        (health(last_received=NOW - 31), "stale"),
        (health(state="waiting"), "waiting"),
        (health(state="waiting", last_received=NOW - 31), "stale"),
        (health(state="stale"), "stale"),
        (health(time=NOW - SILENT - 1, last_received=NOW - SILENT - 2), "stale"),  # the engine died
        (health(time=NOW - SILENT - 1, last_received=NOW - SILENT - 2, stale_after=9e9), "stale"),
        (health(time=NOW - LONG - 1), "stale"),
        (health(time=NOW - 9e6, last_received=NOW - 9e6, state="ended"), "ended"),
        (health(time=NOW - 9e6, last_received=NOW - 9e6, state="stopped"), "ended"),
        (health(time=NOW + 5, last_received=NOW + 5), "live"),  # a clock that went backwards
    ],
)
def test_kinds(row, kind):
    found = status(row, NOW)
    assert found.kind == kind
    assert found.words
    assert found.age is None or found.age >= 0


def test_a_store_that_cannot_be_read_is_said():
    found = status(health(), NOW, "the disk failed.")
    assert found.kind == "lost"
    assert "the disk failed." in found.words

"""What is shown of a store: the same read in pieces as at once, bounded, and JSON whatever is in it."""

import json

import numpy as np
import pytest

from dashboard.stores import Event, Writer, direction_head, values_head
from ostinato.dashboard import scoring
from ostinato.dashboard.view import LATEST, View
from ostinato.evaluation import direction_metrics
from ostinato.store import Origin, Reader


def viewed(path, most=1000, view=None):
    view = view or View(path.name)
    with Reader.open(path) as reader:
        view.opened(reader)
        while view.read(reader, most):
            pass
    return view


def shown(view, since=0, name="auto"):
    found, _ = view.changes(since, name)
    json.dumps(found, allow_nan=False)
    return found


@pytest.mark.parametrize("kind", ["writer", "values_writer"])
def test_read_in_pieces_it_is_the_same(kind, request):
    writer = request.getfixturevalue(kind)
    at_once, in_pieces = shown(viewed(writer.path)), shown(viewed(writer.path, most=7))
    for name in ("series", "headline", "fan", "scores", "calibration", "costs", "health", "run", "verdict"):
        assert at_once[name] == in_pieces[name], name


def test_going_on_reads_only_what_is_new(writer):
    with Reader.open(writer.path) as reader:
        view = View("store")
        view.opened(reader)
        while view.read(reader, 100):
            pass
        version = view.version
        assert not view.read(reader, 100)
        assert set(shown(view, version)) == {"version", "full", "range"}
        writer.run(3)
        view.read(reader, 100)
        news = shown(view, version)
        assert len(news["series"]["t"]) <= 3
        assert "run" not in news
        assert news["headline"]["key"] == writer.key
    assert shown(view)["scores"] == shown(viewed(writer.path))["scores"]


def test_scores_are_those_of_the_offline_metrics(writer):
    view = viewed(writer.path)
    with Reader.open(writer.path) as reader:
        rows = [row for row in reader.scores_after() if not row.flags and not row.prediction_flags]
    offline = direction_metrics([row.numbers[0] for row in rows], [row.actual[0] for row in rows])
    ours = shown(view)["scores"]["rows"][0]["cells"]
    assert view.scoring.counted == len(rows) == 395  # four were cold, one is open
    assert ours[1:3] == [f"{offline[name]:.4f}" for name in ("log_loss", "brier")]
    assert float(ours[3]) == pytest.approx(offline["auc"], abs=0.001)  # made of 4,096 bins of p
    assert ours[4] == f"{100 * offline['accuracy']:.1f} %"
    assert view.scoring.left_out == 4


def test_returns_are_put_back_on_the_price(values_writer):
    found = shown(viewed(values_writer.path))
    price, last = values_writer.price, found["headline"]["numbers"][-5:]
    assert found["fan"]["high"][-1] == pytest.approx(price * np.exp(last[-1]), rel=1e-7)
    assert found["fan"]["low"][0] == pytest.approx(price, rel=1e-7)
    assert len(found["fan"]["t"]) == 4
    assert found["fan"]["t"][1] - found["fan"]["t"][0] == pytest.approx(60)
    assert found["calibration"]["p"] == [0.1, 0.25, 0.5, 0.75, 0.9]


def test_a_column_is_drawn_as_it_is(tmp_path):
    head = values_head(columns=("load", "temp"), target="temp", kind="table", horizons=(3,),
                       outputs=("q10", "q25", "q50", "q75", "q90"))  # fmt: skip
    writer = Writer(tmp_path / "table.sqlite", head)
    writer.store.begin()
    writer.store.add_event(Event(1, 1e9, (7.0, 20.0), 1e9, None, Origin.STREAM))
    writer.store.add_prediction(1, 1, [18.0, 19.0, 20.5, 22.0, 23.0], [0.0] * 10, 0, 1.0)
    writer.store.commit()
    found = shown(viewed(writer.path))
    writer.close()
    assert found["headline"]["price"] == 20.0
    assert found["headline"]["value"] == "18 to 23"
    assert found["series"]["means"] == [[-2.0], [0.5], [3.0]]
    assert found.get("costs") is None


def test_numbers_that_are_none_are_left_out(tmp_path):
    writer = Writer(tmp_path / "nan.sqlite", direction_head())
    writer.run(3)
    writer.store.begin()
    writer.store.add_event(
        Event(9000, writer.start + 9, (float("nan"), 1.0), writer.start, None, Origin.STREAM)
    )
    writer.store.add_prediction(9000, 1, [float("nan")], [float("nan")] * 3, 2, 1.0)
    writer.store.commit()
    found = shown(viewed(writer.path))
    writer.close()
    assert found["headline"]["price"] is None
    assert found["headline"]["note"].startswith("not scored: cold")


def test_everything_shown_is_bounded(writer):
    for place in range(LATEST + 20):
        writer.note(f"note {place}")
        writer.gap()
    writer.run(6000, group=500)
    found = shown(viewed(writer.path, most=100))
    assert len(found["notes"]) == len(found["gaps"]) == LATEST
    assert found["notes"][0]["text"] == f"note {LATEST + 19}"
    assert len(found["track"]["points"]) <= 300
    assert all(len(found["series"][name]) <= 600 for name in ("t", "last"))
    counts = [count for _, count, _ in found["track"]["points"]]
    assert counts == sorted(set(counts))


def test_the_track_can_be_followed(writer, monkeypatch):
    """A page that takes every change has the points of one that comes new, though points are dropped on the way."""
    monkeypatch.setattr(scoring, "MOST", 40)
    with Reader.open(writer.path) as reader:
        view, page, version, dropped = View("store"), {}, 0, 0
        view.opened(reader)
        for _ in range(25):
            writer.run(200, group=200)
            while view.read(reader, 90):
                pass
            track = view.changes(version, "10m")[0]["track"]
            if track["anew"]:
                page.clear()
                dropped += version > 0
            page.update({place: point for place, *point in track["points"]})
            version = view.version
        assert dropped > 1
        assert page == {place: point for place, *point in view.changes(0, "10m")[0]["track"]["points"]}


def test_scores_many_at_once_are_those_of_one_by_one(writer, monkeypatch):
    """Track, tables and what is left out, the cold ones among them."""
    at_once = viewed(writer.path)
    monkeypatch.setattr(scoring.Scoring, "_add_directions", lambda *_: False)
    one_by_one = viewed(writer.path)
    assert at_once.scoring.left_out == one_by_one.scoring.left_out == 4
    for name in ("scores", "calibration", "verdict"):
        assert shown(at_once)[name] == shown(one_by_one)[name], name
    found, wanted = (one.scoring.track(0)["points"] for one in (at_once, one_by_one))
    assert [point[:2] for point in found] == [point[:2] for point in wanted]
    assert len(found) > 10
    for point, other in zip(found, wanted, strict=True):
        for ours, theirs in zip(point[2], other[2], strict=True):
            assert [one is None for one in ours] == [one is None for one in theirs]
            known = [(a, b) for a, b in zip(ours, theirs, strict=True) if b is not None]
            assert [a for a, _ in known] == pytest.approx([b for _, b in known], rel=1e-7, abs=1e-12)

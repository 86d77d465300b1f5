"""Predictions for other programs: every one, in order, once, from where one was."""

import json
import threading

import pytest
from websockets.sync.client import connect

from dashboard.conftest import serving
from dashboard.stores import direction_head
from ostinato.store import Reader


@pytest.fixture
def client(writer):
    with serving(writer.path) as one:
        yield one


def stream_of(client, query=""):
    return connect(f"ws://127.0.0.1:{client.base_url.port}/predictions{query}", max_size=1 << 20)


def take(stream, count):
    return [json.loads(stream.recv(timeout=20)) for _ in range(count)]


def test_from_a_key_on_all_are_handed_on_in_order(client, writer):
    with stream_of(client, "?after=1000") as stream:
        first = take(stream, 400)
        writing = threading.Thread(target=writer.run, args=(700, 9))
        writing.start()
        rest = take(stream, 700)
        writing.join()
    assert [one["key"] for one in first + rest] == list(range(1001, 2101))
    with Reader.open(writer.path) as reader:
        for row, said in zip(reader.predictions_after(limit=2000), first + rest, strict=True):
            assert said["numbers"] == {"p_up": row.numbers[0]}
            assert said["baselines"] == dict(
                zip(direction_head().baselines, ([b] for b in row.baselines), strict=True)
            )
            assert said["event"] == {"price": row.values[0], "amount": row.values[1]}
            assert said["time"] == row.time
            assert said["flags"] == (["cold"] if row.flags else [])
            assert said["counts"] == (not row.flags)
        for (key, digest, _, chained), said in zip(
            reader.ledger_after(limit=2000), first + rest, strict=True
        ):
            assert (key, digest.hex(), chained.hex()) == (said["key"], said["model"], said["hash"])
        assert reader.head_hash().hex() == rest[-1]["hash"]
        assert {said["model"] for said in first} == {direction_head().digest}


def test_one_that_was_away_goes_on_where_it_was(client, writer):
    with stream_of(client, "?after=1390") as stream:
        assert [one["key"] for one in take(stream, 4)] == [1391, 1392, 1393, 1394]
    with stream_of(client, "?after=1394") as stream:
        assert take(stream, 1)[0]["key"] == 1395


def test_without_a_key_it_begins_now(client, writer):
    with stream_of(client) as stream:
        stream.ping().wait(20)
        writer.run(3)
        assert [one["key"] for one in take(stream, 3)] == [1401, 1402, 1403]


def test_a_fast_writer_and_a_slow_reader_lose_nothing(client, writer):
    with stream_of(client, "?after=1400") as stream:
        writer.run(3000, group=500)
        assert [one["key"] for one in take(stream, 3000)] == list(range(1401, 4401))


@pytest.mark.parametrize("after", ["", "x", "1e3", "9" * 40, "-" + "9" * 19, "%00"])
def test_a_key_that_is_none_is_refused_with_a_reason(client, after):
    with stream_of(client, f"?after={after}") as stream, pytest.raises(Exception, match="whole number"):
        stream.recv(timeout=20)

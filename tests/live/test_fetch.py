"""ostinato fetch: the file holds what the exchange has, row by row, whatever happens on the way."""

import json
import os
import signal
import subprocess
import sys
import threading
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import forkserver
from cli.conftest import ostinato
from live.loopback import Exchange
from ostinato.data.reading import read_panel
from ostinato.data.trades import read_trades
from ostinato.live import history, pages

NOW = 1_760_000_000_000  # ms
SPAN = ("--from", "2025-10-01", "--to", "2025-10-10")


def market(rows, first=1000, seed=0, milliseconds=900):
    """Trades on the last milliseconds before NOW; some at the same time, prices of two decimals."""
    random = Random(seed)
    time, price, trades = NOW - rows * milliseconds, 600_000, []
    for id in range(first, first + rows):
        time += random.choice((0, milliseconds, 1, 2 * milliseconds - 2))
        price += random.randint(-50, 50)
        trades.append(
            (
                id,
                min(time, NOW - 1),
                f"{price / 100:.2f}",
                f"{random.randint(1, 99999) / 1e5:.8f}",
                random.random() < 0.5,
            )
        )
    return trades


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(history, "PART_ROWS", 2000)


def fetched(exchange, out, *more, span=SPAN):
    return ostinato("fetch", "binance", "BTCUSDT", *span, "--rest", exchange.url, "-o", str(out), *more)


def held(out):
    """The rows of a file as the market has them."""
    frame = pl.read_parquet(out)
    assert frame.schema == {
        "id": pl.Int64,
        "time": pl.Datetime("us", "UTC"),
        "price": pl.Float64,
        "amount": pl.Float64,
        "side": pl.String,
    }
    return list(
        zip(
            frame["id"],
            frame["time"].dt.epoch("ms"),
            frame["price"],
            frame["amount"],
            frame["side"],
            strict=True,
        )
    )


def wanted(trades):
    return [
        (id, time, float(price), float(amount), "sell" if maker else "buy")
        for id, time, price, amount, maker in trades
    ]


def test_every_trade_is_there_and_reads_as_it_was(tmp_path, small_parts):
    out, trades = tmp_path / "trades.parquet", market(5500)
    with Exchange(trades, NOW) as exchange:
        done = fetched(exchange, out)
    assert done.returncode == 0, done.stderr
    assert held(out) == wanted(trades)
    assert "5,500 trades" in done.stdout
    assert "every id of 1000 to 6499 is there once" in done.stdout
    assert "100%" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trades.parquet", "trades.parquet.json"]
    report = json.loads((tmp_path / "trades.parquet.json").read_text())
    assert (report["rows"], report["first"], report["last"], report["holes"]) == (5500, 1000, 6499, [])
    read = read_trades(out)
    assert read.price.tolist() == [float(trade[2]) for trade in trades]
    assert read.time.tolist() == [trade[1] / 1000 for trade in trades]
    assert read.side.tolist() == [-1 if trade[4] else 1 for trade in trades]
    assert read.id.tolist() == [trade[0] for trade in trades]


def test_a_fetched_file_is_fitted(tmp_path):
    out, trades = tmp_path / "trades.parquet", market(3000)
    with Exchange(trades, NOW) as exchange:
        assert fetched(exchange, out, "--quiet").stdout == ""
    done = ostinato(
        "fit",
        "forecast",
        str(out),
        "--out",
        str(tmp_path / "run"),
        "--set",
        "units=4",
        "--set",
        "epochs=1",
        "--no-page",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("fault", [429, 418, 500, 502, "cut", "hang up", "empty"])
def test_a_fault_is_waited_out(tmp_path, small_parts, fault):
    out, trades = tmp_path / "trades.parquet", market(5500)
    with Exchange(trades, NOW) as exchange:
        exchange.faults = {2: fault, 5: fault}
        done = fetched(exchange, out)
    assert done.returncode == 0, done.stderr
    assert held(out) == wanted(trades)


def test_ids_that_the_exchange_has_no_more_are_told(tmp_path, small_parts):
    out, trades = tmp_path / "trades.parquet", market(5500)
    there = [
        trade
        for trade in trades
        if not (2100 <= trade[0] < 2150 or trade[0] == 3000 or 4990 <= trade[0] < 6010)
    ]
    with Exchange(there, NOW) as exchange:
        done = fetched(exchange, out)
    assert done.returncode == 0, done.stderr
    assert held(out) == wanted(there)
    assert "1,071 ids of 1000 to 6499 missing in 3 holes" in done.stdout
    assert "2100 to 2149, between 2025-10-09" in done.stdout
    holes = json.loads((tmp_path / "trades.parquet.json").read_text())["holes"]
    assert [(hole["first"], hole["last"]) for hole in holes] == [(2100, 2149), (3000, 3000), (4990, 6009)]
    before = {trade[0]: trade[1] / 1000 for trade in trades}
    assert (holes[0]["after"], holes[0]["before"]) == (before[2099], before[2150])


def test_a_hole_that_was_only_a_hiccup_is_none(tmp_path):
    """An answer that leaves trades out is asked for once more."""
    out, trades = tmp_path / "trades.parquet", market(2500)
    with Exchange(trades, NOW) as exchange:
        whole = exchange.trades

        def leave_out():
            exchange.trades = [trade for trade in whole if trade[0] != 2345]

        def have_again():
            exchange.trades = whole

        exchange.on = {3: leave_out, 4: have_again}
        done = fetched(exchange, out)
    assert done.returncode == 0, done.stderr
    assert held(out) == wanted(trades)


@pytest.mark.parametrize("place", [500, 999, 1000, 1999])
@pytest.mark.parametrize("ahead", [1, 20 * 365 * 86_400_000])
def test_one_time_far_ahead_does_not_end_the_file(tmp_path, place, ahead):
    """In the middle of a page, at its end, and as the first of one."""
    out, trades = tmp_path / "trades.parquet", market(2500)
    wrong = trades.copy()
    wrong[place] = (trades[place][0], NOW + ahead, *trades[place][2:])
    with Exchange(wrong, NOW) as exchange:
        done = fetched(exchange, out, "--quiet")
    assert done.returncode == 0, done.stderr
    assert held(out) == wanted(trades[:place] + trades[place + 1 :])
    (hole,) = json.loads((tmp_path / "trades.parquet.json").read_text())["holes"]
    assert (hole["first"], hole["last"]) == (trades[place][0], trades[place][0])
    assert "later than those of what follows" in hole["why"]


def test_only_the_time_asked_for(tmp_path):
    out, trades = tmp_path / "trades.parquet", market(4000)
    begin, end = trades[500][1], trades[2500][1]
    with Exchange(trades, NOW) as exchange:
        span = ("--from", f"{begin / 1000:.3f}", "--to", f"{end / 1000:.3f}")
        assert fetched(exchange, out, span=span).returncode == 0
    assert held(out) == wanted([trade for trade in trades if begin <= trade[1] < end])


def test_days_until_now(tmp_path):
    out, trades = tmp_path / "trades.parquet", market(3000, milliseconds=86_400)
    with Exchange(trades, NOW) as exchange:
        assert fetched(exchange, out, span=("--days", "1.5")).returncode == 0
    assert held(out) == wanted([trade for trade in trades if trade[1] >= NOW - 1.5 * 86_400_000])


# ---------------------------------------------------------------- ended early

PROGRAM = """
import sys
import ostinato.live.history as history
from ostinato.cli import main
history.PART_ROWS = 2000
sys.argv[0] = "ostinato"
main()
"""


def start(exchange, out, *more):
    return forkserver.Popen(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            PROGRAM,
            "fetch",
            "binance",
            "BTCUSDT",
            *SPAN,
            "--rest",
            exchange.url,
            "-o",
            str(out),
            *more,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def cut_off(exchange, out, number, how):
    """Start a fetch and send a signal while the exchange is at answer ``number``."""
    reached, go_on = threading.Event(), threading.Event()
    exchange.on = {number: lambda: (reached.set(), go_on.wait(30))}
    process = start(exchange, out)
    assert reached.wait(60), process.communicate()
    process.send_signal(how)
    said = process.communicate(timeout=60)
    go_on.set()
    exchange.on = {}
    return process.returncode, *said


def test_kill_9_and_again(tmp_path):
    out, trades = tmp_path / "trades.parquet", market(12_000)
    with Exchange(trades, NOW) as exchange:
        assert cut_off(exchange, out, 7, signal.SIGKILL)[0] == -signal.SIGKILL
        assert not out.exists()
        before = len(exchange.asked)
        assert cut_off(exchange, out, before + 4, signal.SIGKILL)[0] == -signal.SIGKILL
        before = len(exchange.asked)
        process = start(exchange, out)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "going on with 6,000 trades that an earlier fetch left" in said
    assert exchange.asked[before][1]["fromId"] == "7000"
    assert held(out) == wanted(trades)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trades.parquet", "trades.parquet.json"]


def test_ctrl_c_keeps_what_came_in(tmp_path):
    out, trades = tmp_path / "trades.parquet", market(12_000)
    with Exchange(trades, NOW) as exchange:
        code, _, errors = cut_off(exchange, out, 5, signal.SIGINT)
        assert code == 130
        assert (
            errors
            == f"ostinato: interrupted: what came in is in {out}.parts, and the same command goes on.\n"
        )
        done = fetched(exchange, out)
    assert "going on with 3,000 trades" in done.stdout
    assert held(out) == wanted(trades)


@pytest.mark.parametrize("moment", ["before the rename", "after the rename"])
def test_killed_while_the_parts_are_joined(tmp_path, small_parts, monkeypatch, moment):
    out, trades = tmp_path / "trades.parquet", market(5500)

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with Exchange(trades, NOW) as exchange:
        with monkeypatch.context() as patched:
            if moment == "before the rename":
                patched.setattr(history.PartFolder, "check", killed)
            else:
                patched.setattr(history, "write_json", killed)
            with pytest.raises(Killed):
                fetched(exchange, out)
        assert out.exists() == (moment == "after the rename")
        asked = len(exchange.asked)
        done = fetched(exchange, out)
        assert done.returncode == 0, done.stderr
        assert len(exchange.asked) == asked  # all was there
    assert held(out) == wanted(trades)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trades.parquet", "trades.parquet.json"]


def test_a_part_that_was_damaged_is_refused(tmp_path, small_parts):
    out = left_over(tmp_path)
    part = tmp_path / "trades.parquet.parts" / "part-000001.parquet"
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    with Exchange(market(5500), NOW) as exchange:
        done = fetched_again(exchange, out)
    assert done.returncode == 1
    assert "part-000001.parquet is not as it was written" in done.stderr
    assert not out.exists()


def left_over(tmp_path):
    """Parts of a fetch that the exchange stopped answering."""
    out = tmp_path / "trades.parquet"
    with Exchange(market(5500), NOW) as exchange:
        exchange.faults = dict.fromkeys(range(5, 100), 451)
        done = fetched_again(exchange, out)
    assert done.returncode == 1
    assert "does not serve this place" in done.stderr
    assert len(list((tmp_path / "trades.parquet.parts").glob("part-*"))) == 2
    return out


def fetched_again(exchange, out, *more):
    """The same request whatever port the exchange has."""
    from ostinato.live.feeds.binance import rest

    plain = rest.RestClient.__init__
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            rest.RestClient, "__init__", lambda self, base, *a, **k: plain(self, exchange.url, *a, **k)
        )
        return ostinato(
            "fetch", "binance", "BTCUSDT", *SPAN, "--rest", "http://127.0.0.1:1", "-o", str(out), *more
        )


def test_parts_of_another_request(tmp_path, small_parts):
    out = left_over(tmp_path)
    with Exchange(market(3000), NOW) as exchange:
        done = fetched(exchange, out)
        assert done.returncode == 1
        assert "parts of another request, with rest http://127.0.0.1:1 instead of" in done.stderr
        done = fetched(exchange, out, "--force")
    assert done.returncode == 0, done.stderr
    assert held(out) == wanted(market(3000))


def test_a_hostile_manifest(tmp_path, small_parts):
    out = left_over(tmp_path)
    manifest = tmp_path / "trades.parquet.parts" / "manifest.json"
    content = json.loads(manifest.read_text())
    with Exchange(market(5500), NOW) as exchange:
        for text in (
            "{",
            json.dumps(content | {"parts": [content["parts"][0] | {"file": "../../x.parquet"}]}),
            "[" * 10**6,
            json.dumps(content | {"format_version": 2}),
        ):
            manifest.write_text(text)
            done = fetched_again(exchange, out)
            assert done.returncode == 1
            assert "Traceback" not in done.stderr
            assert "manifest.json" in done.stderr
            assert len(done.stderr) < 600


def test_two_at_once(tmp_path):
    out, trades = tmp_path / "trades.parquet", market(5500)
    reached, go_on = threading.Event(), threading.Event()
    with Exchange(trades, NOW) as exchange:
        exchange.on = {3: lambda: (reached.set(), go_on.wait(60))}
        process = start(exchange, out)
        assert reached.wait(60)
        done = fetched(exchange, out)
        go_on.set()
        process.communicate(timeout=60)
    assert done.returncode == 1
    assert "another fetch is writing" in done.stderr
    assert process.returncode == 0
    assert held(out) == wanted(trades)


def test_a_full_disk(tmp_path, small_parts, monkeypatch):
    out, trades = tmp_path / "trades.parquet", market(5500)
    syncs = iter(range(100))
    plain = os.fsync

    def full(number):
        if next(syncs) >= 8:
            raise OSError(28, "No space left on device")
        plain(number)

    with Exchange(trades, NOW) as exchange:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            done = fetched(exchange, out)
        assert done.returncode == 1
        assert "the disk is full. Make room and run the same command again; it resumes." in done.stderr
        assert len(done.stderr.splitlines()) == 1
        done = fetched(exchange, out)
    assert "going on with 2,000 trades" in done.stdout
    assert held(out) == wanted(trades)


# ---------------------------------------------------------------- what cannot be


def refused(exchange, *arguments):
    done = ostinato("fetch", *arguments, "--rest", exchange.url)
    assert done.returncode == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_mistakes(tmp_path):
    out = str(tmp_path / "trades.parquet")
    with Exchange(market(10), NOW) as exchange:
        assert "no exchange 'binanc'" in refused(exchange, "binanc", "BTCUSDT", "--days", "1", "-o", out)
        said = refused(exchange, "binance", "BTCUSDZ", "--days", "1", "-o", out)
        assert "no symbol 'BTCUSDZ'. Did you mean 'BTCUSDT'?" in said
        assert "--days 7 or --from" in refused(exchange, "binance", "BTCUSDT", "-o", out)
        assert "--days must be" in refused(exchange, "binance", "BTCUSDT", "--days", "-1", "-o", out)
        assert "--days must be" in refused(exchange, "binance", "BTCUSDT", "--days", "nan", "-o", out)
        assert "--from must be a time" in refused(exchange, "binance", "BTCUSDT", "--from", "soon", "-o", out)
        assert "do not go together" in refused(
            exchange, "binance", "BTCUSDT", "--days", "1", *SPAN, "-o", out
        )
        later = ("--from", "2025-10-09T08:53:20Z", "-o", out)
        assert "nothing lies between" in refused(exchange, "binance", "BTCUSDT", *later)
        assert "no bars of 7m; it has 1s, 1m" in refused(
            exchange, "binance", "BTCUSDT", "--days", "1", "--bars", "7m", "-o", out
        )
        assert "must be 1s, 5s" in refused(
            exchange, "binance", "BTCUSDT", "--days", "1", "--bars", "x", "-o", out
        )
        assert "no folder" in refused(
            exchange, "binance", "BTCUSDT", "--days", "1", "-o", str(tmp_path / "a" / "b")
        )
        assert (
            "https://"
            in ostinato(
                "fetch", "binance", "BTCUSDT", "--days", "1", "-o", out, "--rest", "http://example.com"
            ).stderr
        )
    with Exchange([], NOW) as exchange:
        assert "has no trades of BTCUSDT from" in refused(
            exchange, "binance", "BTCUSDT", "--days", "1", "-o", out
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "said"),
    [
        (".", "got '.'"),
        ("", "got '.'"),
        ("/", "got '/'"),
        ("..", "got '..'"),
        ("folder", "folder is a folder"),
    ],
)
def test_an_out_that_is_no_file(tmp_path, monkeypatch, out, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with Exchange(market(10), NOW) as exchange:
        assert said in refused(exchange, "binance", "BTCUSDT", "--days", "1", "-o", out)
        assert not exchange.asked
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


@pytest.mark.parametrize(
    "span", [("--from", "1969-01-01", "--to", "1970-01-01"), ("--days", "1", "--to", "1066-10-14")]
)
def test_times_before_1970(tmp_path, span):
    with Exchange(market(10), NOW) as exchange:
        said = refused(exchange, "binance", "BTCUSDT", *span, "-o", str(tmp_path / "trades.parquet"))
        assert "must not be before 1970" in said
        assert not exchange.asked


def test_more_days_than_there_are_since_1970(tmp_path):
    out = tmp_path / "trades.parquet"
    with Exchange(market(10), NOW) as exchange:
        assert fetched(exchange, out, span=("--days", "36600")).returncode == 0
    assert held(out) == wanted(market(10))


def test_trades_only_after_the_time_asked_for(tmp_path):
    out = tmp_path / "trades.parquet"
    with Exchange(market(10), NOW) as exchange:
        done = fetched(exchange, out, span=("--from", "2025-09-01", "--to", "2025-09-02"))
    assert done.returncode == 1
    assert "no trades of BTCUSDT from 2025-09-01 00:00:00 to 2025-09-02 00:00:00" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_kept(tmp_path):
    out = tmp_path / "trades.parquet"
    out.write_text("precious")
    with Exchange(market(10), NOW) as exchange:
        done = fetched(exchange, out)
        assert (done.returncode, out.read_text()) == (1, "precious")
        assert "is there already. --force replaces it" in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["trades.parquet"]
        assert fetched(exchange, out, "--force").returncode == 0
    assert held(out) == wanted(market(10))


def test_json_is_the_only_thing_said(tmp_path):
    with Exchange(market(10), NOW) as exchange:
        done = fetched(exchange, tmp_path / "trades.parquet", "--json")
    assert json.loads(done.stdout)["rows"] == 10


@given(st.lists(st.integers(10**12, 4 * 10**12), min_size=1, max_size=50))
def test_milliseconds_are_kept_to_the_last(milliseconds):
    stamps = pages._stamps([moment / 1e3 for moment in milliseconds])
    assert stamps.dt.epoch("us").to_list() == [moment * 1000 for moment in milliseconds]


# ---------------------------------------------------------------- bars


def klines(rows, minutes=1, leave_out=()):
    """Bars that end with the one that is still forming."""
    step = minutes * 60_000
    begin = NOW // step * step - (rows - 1) * step
    return [
        [
            begin + at * step,
            f"{100 + at}.10",
            f"{102 + at}.10",
            f"{99 + at}.10",
            f"{101 + at}.10",
            f"{at}.5",
            begin + (at + 1) * step - 1,
            "1.0",
            at,
            "1.0",
            "1.0",
            "0",
        ]
        for at in range(rows)
        if at not in leave_out
    ]


def test_bars_without_the_one_that_is_forming(tmp_path):
    out, rows = tmp_path / "bars.parquet", klines(2501)
    with Exchange([], NOW, {"1m": rows}) as exchange:
        done = fetched(exchange, out, "--bars", "60s")
    assert done.returncode == 0, done.stderr
    frame = pl.read_parquet(out)
    assert frame["time"].dt.epoch("ms").to_list() == [row[0] for row in rows[:-1]]
    assert frame["close"].to_list() == [float(row[4]) for row in rows[:-1]]
    assert frame["trades"].to_list() == [row[8] for row in rows[:-1]]
    panel = read_panel(out)
    assert (panel.kind, panel.step, len(panel)) == ("bars", 60.0, 2500)


def test_bars_that_are_missing_are_told(tmp_path):
    out = tmp_path / "bars.parquet"
    with Exchange([], NOW, {"1h": klines(300, 60, range(50, 55))}) as exchange:
        done = fetched(exchange, out, "--bars", "1h", span=("--days", "20"))
    assert done.returncode == 0, done.stderr
    assert "5 bars missing in 1 hole, for" in done.stdout
    assert "  between 2025-09-28 22:00:00 and 2025-09-29 04:00:00 UTC" in done.stdout

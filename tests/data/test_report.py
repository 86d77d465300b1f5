"""What a report says."""

import numpy as np

from ostinato.data.report import LONG_GAP_SECONDS, duration, too_few, utc
from ostinato.data.trades import make_trades


def trades(time, price=None):
    time = np.array(time, float)
    price = np.ones(len(time)) if price is None else np.array(price, float)
    return make_trades("x.csv", time, price, np.ones(len(time)), columns={"time": "T", "price": "price"})


def test_numbers():
    report = trades([100, 100, 100, 101, 801, 1401], [3, 1, 2, 5, 4, 4]).report
    assert (report.rows, report.first_time, report.last_time, report.span_seconds) == (6, 100, 1401, 1301)
    assert report.repeated_times == 2
    assert (report.largest_gap_seconds, report.largest_gap_at, report.long_gaps) == (700, 101, 1)
    assert (report.price_min, report.price_max) == (1, 5)
    assert LONG_GAP_SECONDS == 600


def test_one_trade_has_no_gaps():
    report = trades([5]).report
    assert (report.repeated_times, report.largest_gap_seconds, report.largest_gap_at) == (0, 0, 5)


def test_one_trade_has_no_sentence_about_gaps():
    lines = trades([5]).report.lines()
    assert len(lines) == 4
    assert not any("gap" in line or "trade before" in line for line in lines)


def test_a_price_that_never_moves_is_noted():
    assert trades([1, 2, 3]).report.notes == ("the price never moves: there is nothing to forecast",)
    assert trades([1, 2, 3], [5, 5, 6]).report.notes == ()
    assert trades([1]).report.notes == ()


def test_too_few_of_one():
    assert [too_few(number, "row") for number in (1, 2_000)] == ["1 row is too few", "2,000 rows are too few"]


def test_lines():
    lines = trades([0, 86400 * 1.5], [1234567.25, 0.00000012]).report.lines()
    assert lines == [
        "read 2 trades from x.csv",
        "from 1970-01-01 00:00:00 to 1970-01-02 12:00:00 UTC, 1.5 days",
        "columns: time from 'T', price (times: s)",
        "prices from 1.2e-07 to 1,234,567.25",
        "0 trades at the same time as the trade before",
        "1 gap above 10 min; the largest is 1.5 days, after 1970-01-01 00:00:00",
    ]


def test_words_for_times():
    assert utc(1534131395.25) == "2018-08-13 03:36:35.25"
    assert [duration(s) for s in (0, 0.25, 59, 90, 3600, 7200, 86400 * 4321)] == [
        *("0 s", "0.25 s", "59 s", "1.5 min", "1 hour", "2 hours", "4,321 days"),
    ]

"""Fault scripts: what is read, and what is refused in one sentence."""

import json

import pytest

from ostinato.errors import ConfigError
from ostinato.exchange import FAULTS, make_fault, random_faults, read_faults
from ostinato.exchange.catalogue import KINDS

TOML = """
[[fault]]
name = "gap"
at = 60
for = 5

[[fault]]
name = "rest_429"
trade = 12
retry_after = 7
path = "aggTrades"
"""


def test_both_kinds_of_script(tmp_path):
    toml, lines = tmp_path / "faults.toml", tmp_path / "faults.jsonl"
    toml.write_text(TOML)
    gap, slow = read_faults(toml)
    assert (gap.name, gap.at, gap.length, gap.trade) == ("gap", 60, 5, None)
    assert (slow.name, slow.trade, slow.length, slow["retry_after"], slow["path"]) == (
        "rest_429",
        12,
        10,
        7,
        "aggTrades",
    )
    lines.write_text("\n" + "\n\n".join(fault.line() for fault in (gap, slow)) + "\n")
    assert read_faults(lines) == [gap, slow]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"name": "gapp"}', r"line 1: there is no fault 'gapp'; .* Did you mean 'gap'\?"),
        ('\n{"name": ["gap"]}', r"line 2: there is no fault"),
        ('{"at": 1}', "a fault is a table with a name"),
        ("7", "a fault is a table with a name"),
        ('{"name": "gap", "at": -1}', "at of the fault gap must be 0 to"),
        ('{"name": "gap", "at": true}', "at of the fault gap must be 0 to"),
        ('{"name": "gap", "at": 1e999}', "at of the fault gap must be 0 to"),
        ('{"name": "gap", "at": NaN}', "at of the fault gap must be 0 to"),
        ('{"name": "gap", "for": "5"}', "for of the fault gap must be"),
        ('{"name": "gap", "at": 1, "trade": 2}', "at a time .* or at a trade, not at both"),
        ('{"name": "gap", "trade": 1.5}', "trade of the fault gap must be an id"),
        ('{"name": "gap", "length": 5}', "called for"),
        ('{"name": "abort", "for": 5}', "happens at once: leave out for"),
        ('{"name": "gap", "sare": 5}', "has no parameter 'sare'; it has at, trade, for"),
        ('{"name": "duplicate", "sare": 5}', r"Did you mean 'share'\?"),
        ('{"name": "rest_429", "path": 5}', "path of the fault rest_429 must be a short text"),
        ("{", "line 1 of the fault script .* is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (TOML, "is not JSON: .* or name the file .toml"),
    ],
)
def test_lines_that_are_refused(tmp_path, text, said):
    path = tmp_path / "faults.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as refused:
        read_faults(path)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[fault", "is not TOML"),
        ("fault = 7", "may hold .* tables only; fault is no array"),
        ("[[faults]]\nname = 'gap'", "tables only; found 'faults'"),
        ("[[fault]]\nname = 'gap'\n[[fault]]\nname = 'nope'", "fault 2: there is no fault 'nope'"),
    ],
)
def test_toml_that_is_refused(tmp_path, text, said):
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_faults(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_faults(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_faults(tmp_path)
    (tmp_path / "latin.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        read_faults(tmp_path / "latin.jsonl")
    with (tmp_path / "large.jsonl").open("wb") as file:
        file.truncate(17 << 20)
    with pytest.raises(ConfigError, match="larger than the 16 MiB"):
        read_faults(tmp_path / "large.jsonl")


def test_random_faults():
    faults = random_faults(7, 10_000)
    assert faults == random_faults(7, 10_000)
    assert faults != random_faults(8, 10_000)
    assert 1800 < len(faults) < 2200  # one in five minutes
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    assert faults[-1].at < 600_000
    survivable = {name for name, kind in KINDS.items() if kind.survivable}
    assert {fault.name for fault in faults} == survivable
    assert not {"rest_bomb", "rest_451", "unknown_symbol"} & survivable
    assert {fault.name for fault in random_faults(0, 100, ["gap", "abort"])} == {"gap", "abort"}


def test_random_faults_that_cannot_be():
    with pytest.raises(ConfigError, match="there is no fault 'gapp'"):
        random_faults(0, 100, ["gapp"])
    with pytest.raises(ConfigError, match="seed of 0 or more"):
        random_faults(-1, 100)
    with pytest.raises(ConfigError, match="at most 50,000 faults"):
        random_faults(0, 1e7, every=1e-3)


def test_the_list_of_exchange_clients_troubles_is_complete():
    """Those that the issues of exchange clients tell of, in the order of the list they were gathered in."""
    wanted = {
        *(
            "abort",
            "close_1000",
            "close_1001",
            "close_1008",
            "half_open",
            "silence",
            "server_shutdown",
            "day_close",
        ),
        *(
            "pong_lost",
            "burst",
            "duplicate",
            "reorder",
            "gap",
            "gap_pruned",
            "time_hole",
            "rest_429",
            "rest_418",
        ),
        *("rest_403", "rest_451", "rest_500", "rest_hang", "rest_truncated", "rest_lag", "clock_skew"),
        *("kline_out_of_order", "kline_unclosed", "symbol_break", "microseconds", "unknown_symbol"),
        "message_limit",
    }
    assert wanted <= set(FAULTS)
    for name in FAULTS:
        assert make_fault(name).name == name
        assert json.loads(make_fault(name).line())["name"] == name

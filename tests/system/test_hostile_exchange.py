"""An exchange that wants to exhaust us: huge and endless messages, bombs, garbage, one byte at a time."""

import json
from pathlib import Path

from ostinato.exchange.catalogue import KINDS
from ostinato.store import verify
from system.test_nothing_lost import ledger_of

ROWS = 2_000  # more than two hours
SPEED = 1200
MOST = 48 << 10  # KiB that it may cost at its worst moment, beyond a life on a friendly exchange
HOSTILE = [name for name, kind in KINDS.items() if kind.family == "hostile"]


def memory(store):
    """The most memory of the life that ended on a store, KiB."""
    return int(Path(f"{store}.memory").read_text())


def test_nothing_of_it_exhausts_memory_or_stops_the_engine(children, exchanges, small_run, tmp_path):
    assert len(HOSTILE) >= 12
    faults = [{"name": name, "at": 300.0 + 450.0 * place} for place, name in enumerate(HOSTILE)]
    script = tmp_path / "faults.jsonl"
    script.write_text("".join(json.dumps(fault) + "\n" for fault in faults))
    market = ["--simulate", ROWS, "--seed", 9, "--begin", 0, "--wait", "--speed", SPEED]
    friendly, hostile = tmp_path / "friendly.sqlite", tmp_path / "hostile.sqlite"
    children.live(small_run, exchanges.start(*market), friendly, ROWS - 1)
    children.live(small_run, exchanges.start(*market, "--faults", script), hostile, ROWS - 1)
    assert ledger_of(hostile)[0] == ledger_of(friendly)[0]
    assert verify(hostile).ok
    assert memory(hostile) - memory(friendly) < MOST

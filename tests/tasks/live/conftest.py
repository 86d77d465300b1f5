"""Engines on files, driven by hand or to the end."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ostinato.data.panel import Panel
from ostinato.live import Since
from ostinato.live.engine import Engine, Settings
from ostinato.live.feeds.file import FileFeed
from ostinato.store import resuming
from ostinato.tasks.forecasting.live import engine_of


class Lives:
    """Makes engines on stores in one folder, and closes them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.engines = folder, []

    def engine(self, run: Any, feed: Any, name: str = "a", **settings: Any) -> Engine:
        """An engine on a panel, or on any feed."""
        feed = FileFeed("file:made up", feed) if isinstance(feed, Panel) else feed
        engine = engine_of(run, feed, self.folder / f"{name}.sqlite", Settings(**settings))
        self.engines.append(engine)
        return engine

    def close(self) -> None:
        for engine in self.engines:
            engine.close()


@pytest.fixture
def lives(tmp_path) -> Iterator[Lives]:
    made = Lives(tmp_path)
    yield made
    made.close()


def drive(engine: Engine, until: int | None = None, group: int = 7) -> None:
    """Resume and take what the feed releases, up to a key; no clock is asked."""

    async def work() -> None:
        engine.resume()
        async for items in engine.feed.batches(engine.position, engine.settings.since):
            kept = [
                item
                for item in items
                if until is None or getattr(item, "last", getattr(item, "key", 0)) <= until
            ]
            for start in range(0, len(kept), group):
                engine.take(kept[start : start + group])
            if len(kept) < len(items):
                return

    asyncio.run(work())


def ledger(engine: Engine) -> tuple[np.ndarray, np.ndarray]:
    """Keys (N,) and numbers (N, P) of all predictions."""
    rows = [row for row in resuming.replay(engine.store, None) if row.numbers is not None]
    return np.array([row.event.key for row in rows]), np.array([row.numbers for row in rows])


def scores(engine: Engine) -> list[tuple[Any, ...]]:
    """key, resolved_by, losses, flags."""
    rows = engine.store._connection.execute("SELECT key, resolved_by, losses, flags FROM scores ORDER BY key")
    return [(key, by, np.frombuffer(losses), flags) for key, by, losses, flags in rows]


__all__ = ["Lives", "Since", "drive", "ledger", "scores"]

"""Fetch history from an exchange to a parquet file: every id once, gaps reported, resumable.

The exchange is asked page by page; every 200,000 rows become a part on the disk (``parts.py``), and in the end the
parts become one file. Axes: N rows.
"""

import math
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..errors import ConfigError, FeedError, shortened
from ..runs.writing import write_json
from .feeds.binance.rest import RestClient
from .pages import BarPages, TradePages
from .parts import FetchRequest, Manifest, MissingRange, PartFolder, check_free, check_out, locked

PART_ROWS = 200_000
PART_SECONDS = 60.0  # of work that a kill -9 can cost
DAY = 86_400.0


class FetchProgress(Protocol):
    """Callbacks on the progress of a fetch."""

    def begin(self, manifest: Manifest) -> None:
        """The fetch starts, or resumes existing parts."""

    def update(self, share: float, rows: int) -> None:
        """The fraction of the requested time span that is done, 0 to 1, and the number of rows."""

    def waiting(self, kind: str, text: str) -> None:
        """The fetch is waiting."""


class FetchResult(NamedTuple):
    """Result of a fetch. Times in seconds since the epoch; keys are ids of trades or numbers of bars."""

    file: str
    rows: int
    first: int
    last: int
    first_time: float
    last_time: float
    start: float
    end: float
    holes: list[MissingRange]

    @property
    def missing(self) -> int:
        """Number of missing keys."""
        return sum(hole.last - hole.first + 1 for hole in self.holes)


async def fetch_history(
    client: RestClient, request: FetchRequest, out: Path, progress: FetchProgress, force: bool = False
) -> FetchResult:
    """Fetch a request into ``out``, and write a JSON report next to it.

    Parts that the same request left are gone on with. Whatever ends this early, what came in is kept in ``OUT.parts``.

    Args:
        force: replace the file, and parts of another request.

    Raises:
        FeedRefusedError: no such symbol, or the exchange does not serve this place.
        FeedError: the exchange gives no answer or a wrong one, or has nothing in that time.
        RunExistsError: the file is there, or parts of another request are.
        StoreFullError: the disk is full.   RunError: the system does not let us write there.
    """
    check_out(out)
    with locked(out):
        parts = PartFolder.found(out, request, force)
        check_free(out, force or (parts is not None and parts.manifest.joining))
        now = await client.server_time()
        if parts is None:
            start, end = _span(request, now)
            if not await _pages(client, request, now).page(None, start):  # before anything is written
                raise FeedError(_nothing(request, start, end))
            parts = PartFolder.begun(out, Manifest(request=request, start=start, end=end))
        progress.begin(parts.manifest)
        if not parts.manifest.complete:
            await _Fetch(_pages(client, request, now), parts, progress).run()
        fetched = _fetched(parts)
        parts.join()
        said = fetched._asdict() | {"missing": fetched.missing}
        write_json(report_path(out), said | {"holes": [hole.model_dump() for hole in fetched.holes]})
        parts.remove()
        return fetched


Pages = TradePages | BarPages

WRONG = "the exchange gives them times that are later than those of what follows"


class _Fetch:
    """One pass: pages to parts."""

    def __init__(self, pages: Pages, parts: PartFolder, progress: FetchProgress) -> None:
        self.pages, self.parts, self.progress = pages, parts, progress
        self.key = None if parts.last is None else parts.last.last
        self.time = parts.manifest.start if parts.last is None else parts.last.last_time
        self.rows: list[Any] = []
        self.holes: list[MissingRange] = []
        self.wrong: set[int] = set()  # keys of rows whose times cannot be
        self.began = time.monotonic()

    async def run(self) -> None:
        """Run to the end; received rows are kept in any case."""
        try:
            while not await self._page():
                if len(self.rows) >= PART_ROWS or time.monotonic() - self.began >= PART_SECONDS:
                    self._keep()
        finally:
            self._keep()
        if not self.parts.manifest.parts:
            manifest = self.parts.manifest
            self.parts.remove()
            raise FeedError(_nothing(manifest.request, manifest.start, manifest.end))
        self.parts.save(complete=True)

    async def _page(self) -> bool:
        """Fetch one page; return whether it was the last."""
        manifest = self.parts.manifest
        page = await self._asked()
        count = await self._before_end(page)
        for row in page[:count]:
            key, moment = self.pages.key(row), self.pages.time(row)
            if moment >= manifest.end:  # though later ones are before the end
                self.wrong.add(key)
                continue
            if self.key is not None and key > self.key + 1:
                missing = range(self.key + 1, key)
                why = (
                    WRONG
                    if self.wrong.intersection(missing)
                    else "the exchange does not have them, asked twice"
                )
                self.holes.append(
                    MissingRange(first=self.key + 1, last=key - 1, after=self.time, before=moment, why=why)
                )
            self.rows.append(row)
            self.key, self.time = key, moment
        done = count < len(page) or not page
        share = (self.time - manifest.start) / (manifest.end - manifest.start)
        self.progress.update(1.0 if done else share, manifest.rows + len(self.rows))
        return done

    async def _before_end(self, page: list[Any]) -> int:
        """Number of rows of a page before the end.

        Where the page ends behind the end, one more is asked for: a single wrong time is no end.
        """
        end = self.parts.manifest.end
        count = next((n for n in range(len(page), 0, -1) if self.pages.time(page[n - 1]) < end), 0)
        if count < len(page):
            more = await self.pages.page(self.pages.key(page[-1]), self.parts.manifest.start)
            if any(self.pages.time(row) < end for row in more):
                return len(page)
        return count

    async def _asked(self) -> list[Any]:
        """The next page. One that is empty or incomplete is requested twice."""
        page = await self._following()
        if page and (self.key is None or self._whole(page)):
            return page
        again = await self._following()
        if again and (not page or len(again) >= len(page)):
            page = again
        if page or self.key is None:
            return page
        await self._check_end(self.key)
        return []

    async def _check_end(self, key: int) -> None:
        """Check that nothing follows if the exchange returns nothing."""
        newest = await self.pages.newest()
        if not newest:
            return
        host, thing = self.pages.client.host, self.pages.thing
        last, moment = self.pages.key(newest[0]), self.pages.time(newest[0])
        if last > key and moment < self.parts.manifest.end:
            raise FeedError(
                f"{host} returns nothing after {thing} {key}, though it has {thing} {last}. "
                "Run the same command again to continue."
            )
        if last < key and moment > self.time:
            before = utc(self.time)
            raise FeedError(
                f"the newest {thing} of {host} is {last} of {utc(moment)}, and {thing} {key} is of {before}: numbers "
                f"began again. Fetch what came before with --to '{before}', and the rest into another --out."
            )

    async def _following(self) -> list[Any]:
        page = await self.pages.page(self.key, self.parts.manifest.start)
        return [row for row in page if self.key is None or self.pages.key(row) > self.key]

    def _whole(self, page: list[Any]) -> bool:
        """Return whether the keys of a page are consecutive and follow the last one."""
        keys = [self.pages.key(row) for row in page]
        return keys == list(range((self.key or 0) + 1, (self.key or 0) + 1 + len(keys)))

    def _keep(self) -> None:
        rows, holes = self.rows, self.holes
        self.rows, self.holes, self.began = [], [], time.monotonic()
        if rows:
            keys, times = [self.pages.key(row) for row in rows], [self.pages.time(row) for row in rows]
            self.parts.add(self.pages.frame(rows), keys, times, holes)


def _pages(client: RestClient, request: FetchRequest, now: float) -> Pages:
    if request.interval:
        return BarPages(client, request.symbol, request.interval, now)
    return TradePages(client, request.symbol)


def _span(request: FetchRequest, now: float) -> tuple[float, float]:
    """Start and end; the end is excluded.

    Raises:
        ConfigError: nothing lies between.
    """
    end = now if request.until is None else min(request.until, now)
    start = request.since if request.since is not None else max(0.0, end - DAY * (request.days or 0.0))
    if request.since is not None and request.days is not None:
        end = min(start + DAY * request.days, end)
    start = math.floor(start * 1e3) / 1e3  # the exchange is asked in milliseconds
    if not start < end:
        raise ConfigError(f"nothing lies between {utc(start)} and {utc(end)}, when this must end.")
    return start, end


def _fetched(parts: PartFolder) -> FetchResult:
    manifest = parts.manifest
    first, last = manifest.parts[0], manifest.parts[-1]
    return FetchResult(
        parts.out.name,
        manifest.rows,
        first.first,
        last.last,
        first.first_time,
        last.last_time,
        manifest.start,
        manifest.end,
        manifest.holes,
    )


def _nothing(request: FetchRequest, start: float, end: float) -> str:
    thing = f"{request.interval} bars" if request.interval else "trades"
    span = f"from {utc(start)} to {utc(end)}"
    return f"{request.exchange} has no {thing} of {request.symbol} {span}. Choose another time."


def report_path(out: Path) -> Path:
    """Path of the JSON report of a fetch."""
    return out.with_name(f"{out.name}.json")


def parse_time(text: str, option: str) -> float:
    """Seconds since the epoch of 2026-07-01, 2026-07-01T12:00Z or a number of seconds; UTC unless a zone is given.

    Raises:
        ConfigError: it is none of these, or before 1970.
    """
    seconds = math.nan
    with suppress(ValueError, OverflowError):
        if 1e8 < float(text) < 1e11:
            seconds = float(text)
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text.strip())
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if math.isnan(seconds):
        raise ConfigError(
            f"{option} must be a time like 2026-07-01 or 2026-07-01T12:00Z, got {shortened(text)}."
        )
    if seconds < 0:
        raise ConfigError(f"{option} must not be before 1970, got {shortened(text)}.")
    return seconds


def utc(moment: float) -> str:
    """Format a time for people, to the second."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")

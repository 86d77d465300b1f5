"""Post predictions to a user's address, in order, each at least once.

A file beside the store holds how far an address is, so that a restart goes on there. What was not answered by a status
of 2xx is sent again, for ever, ever more seldom. A receiver that gets a key twice has got the same prediction twice.
"""

import asyncio
import contextlib
import errno
import hashlib
import hmac
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import httpx

from ..errors import ConfigError, StoreError, shortened
from ..files.atomic import atomic_file
from ..files.links import NO_LINKS, open_no_link
from ..servers.hosts import is_loopback
from .serialization import to_json
from .stream import PredictionStream

JITTER = Random()  # noqa: S311 - no secret; not the random numbers of the caller
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0  # seconds between two attempts; doubled, times a random 0.5 to 1
PATIENCE = 10.0  # seconds for an answer
LONGEST_CURSOR = 4096  # bytes


@dataclass
class Webhook:
    """One address and the state of its delivery.

    Attributes:
        url: https, or http to loopback. It may hold a secret, and is told nowhere but by ``place``.
        secret: bodies are signed with it: ``X-Ostinato-Signature: sha256=`` and HMAC-SHA256 in hex.
        patience: times for waiting are multiplied by it; for tests.
    """

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    patience: float = 1.0
    sent: int = 0
    failures: int = 0  # since the last success
    problem: str = ""

    def __post_init__(self) -> None:
        """Check the address.

        Raises:
            ConfigError: it is none, or not encrypted to another machine.
        """
        try:
            parts = urlsplit(self.url)
            whole = parts.hostname is not None and parts.port != 0 and self.url.isprintable()
        except ValueError:
            whole = False
        if not whole or parts.scheme not in ("http", "https"):
            raise ConfigError(
                "a webhook wants an address like https://example.org/path; what was given is none, and is not "
                "repeated here, since it may hold a secret."
            )
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ConfigError(
                f"a webhook to another machine must be https, got {shortened(self.place)}. http is for 127.0.0.1."
            )

    @property
    def place(self) -> str:
        """The address without possibly secret parts."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"

    def status_json(self) -> dict[str, str | int]:
        """State of the delivery, for JSON."""
        return {"to": self.place, "sent": self.sent, "failures": self.failures, "problem": self.problem}

    def cursor(self, store: Path) -> Path:
        """The file with the position of this address."""
        return store.with_name(
            f"{store.name}.webhook-{hashlib.sha256(self.url.encode()).hexdigest()[:12]}.json"
        )

    async def run(self, store: Path) -> None:
        """Send until cancelled, from the cursor, or from the first prediction."""
        ledger = PredictionStream(store)
        looking = asyncio.create_task(ledger.run())
        try:
            async with httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False, trust_env=False) as client:
                with ledger.subscribed():
                    await self._send_all(client, ledger, await self._begin(self.cursor(store)))
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def _begin(self, cursor: Path) -> int | None:
        """Read the cursor; while it is invalid, report that and retry."""
        while True:
            try:
                return read_cursor(cursor)
            except StoreError as error:
                await self._wait(str(error))

    async def _send_all(self, client: httpx.AsyncClient, ledger: PredictionStream, after: int | None) -> None:
        while True:
            commits = ledger.commits
            try:
                pieces = ledger.pieces(after)
                if pieces:
                    body = {"feed": ledger.reader().head.feed, "predictions": [one for _, one in pieces]}
                    await self._deliver(client, to_json(body).encode())
                    after = pieces[-1][0]
                    write_cursor(self.cursor(ledger.path), after)
                    self.sent += len(pieces)
            except (
                StoreError,
                OSError,
            ) as error:  # the cursor could not be written: what was sent is sent again
                await self._wait(str(error))
                continue
            if not pieces:
                await ledger.newer(commits)

    async def _deliver(self, client: httpx.AsyncClient, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "ostinato"}
        if self.secret is not None:
            mark = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Ostinato-Signature"] = f"sha256={mark}"
        while True:
            try:
                # only the status is read: an endless answer costs nothing
                async with client.stream("POST", self.url, content=body, headers=headers) as answer:
                    if answer.is_success:
                        self.failures, self.problem = 0, ""
                        return
                    elsewhere = ", a redirect, which is not followed" if answer.is_redirect else ""
                    problem = f"it answered {answer.status_code}{elsewhere}"
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                words = self._without_secrets(str(error))
                problem = f"{type(error).__name__}: {words}" if words else type(error).__name__
            await self._wait(problem)

    def _without_secrets(self, words: str) -> str:
        """Words of an error, without the parts of the address that may be secret."""
        parts = urlsplit(self.url)
        for part in (self.url, parts.path, parts.query, parts.password, parts.username, parts.fragment):
            if part and part != "/":
                words = words.replace(part, "...")
        return shortened(words) if words else ""

    async def _wait(self, problem: str) -> None:
        self.failures += 1
        self.problem = problem
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self.failures - 1, 10))
        await asyncio.sleep(wait * JITTER.uniform(0.5, 1) * self.patience)


def secret() -> str | None:
    """The key that signs bodies, from OSTINATO_WEBHOOK_SECRET: other users can read arguments."""
    return os.environ.get("OSTINATO_WEBHOOK_SECRET") or None


def read_cursor(path: Path) -> int | None:
    """The key of the last delivered prediction; None to begin at the first.

    A damaged file counts as none: each is sent at least once.

    Raises:
        StoreError: it is a link, which somebody else may have put there.
    """
    try:
        with os.fdopen(open_no_link(path, os.O_RDONLY | NO_LINKS), "rb") as file:
            key = json.loads(file.read(LONGEST_CURSOR))["after"]
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
        return None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return key if isinstance(key, int) and abs(key) < 1 << 63 else None


def write_cursor(path: Path, after: int) -> None:
    """Replace the cursor atomically; only the user can read it, and a link in its place is not followed.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_file(path) as file:
        if hasattr(os, "fchmod"):  # Windows has no such modes
            os.fchmod(file.fileno(), 0o600)
        file.write(json.dumps({"after": after}).encode())

"""Serve the page of a live store from a separate process, so that viewers cannot slow down predictions."""

import os
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from ..dashboard.addresses import ENVIRONMENT, addresses
from ..errors import ListenError

MAX_LINE = 1 << 16  # bytes


class Pages:
    """Starts the web page and the terminal page as requested; use it in a ``with`` block.

    Args:
        options: further arguments of ``python -m ostinato.dashboard``; None serves no page.
        tui: those of the page in this terminal; None shows none.
        browse: whether the page is opened in a browser, where there is a screen for one.
        token: who knows it may see the page.
        webhooks: addresses that predictions are posted to, or files of them as @FILE; without any, those of
            OSTINATO_WEBHOOK.

    Raises:
        ListenError: the port is taken, or the address may not be listened on.
    """

    def __init__(
        self,
        store: Path,
        options: list[str] | None,
        token: str | None,
        tui: list[str] | None = None,
        browse: bool = False,
        webhooks: Sequence[str] = (),
    ) -> None:
        self.store, self.options, self.token, self.tui = store, options, token, tui
        self.address, self.browse, self.webhooks = "", browse, webhooks
        self.children: list[subprocess.Popen[bytes]] = []

    @property
    def in_terminal(self) -> bool:
        """Return whether the terminal page takes this terminal."""
        return self.tui is not None

    def check(self) -> None:
        """Check that the port is free before anything is written.

        Raises:
            ListenError: it is taken.
        """
        if self.options is None:
            return
        asked = dict(pairwise(self.options))
        host, port = asked.get("--host", "127.0.0.1"), int(asked["--port"])
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.create_server((host, port), family=family):
                pass
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise ListenError(
                f"the page cannot be served on {host}, port {port}: {why}. Name another --port; 0 takes a free one."
            ) from None

    def __enter__(self) -> Self:
        try:
            if self.options is not None:
                self._serve(self.options)
                if self.browse and has_screen():
                    webbrowser.open(self.address)
            if self.tui is not None:
                self.children.append(self._start(["--tui", *self.tui], stdout=None))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what was started by closing its standard input."""
        for child in self.children:
            if child.stdin is not None:
                child.stdin.close()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            for pipe in (child.stdout, child.stderr):
                if pipe is not None:
                    pipe.close()
        self.children.clear()

    def _serve(self, options: list[str]) -> None:
        child = self._start(options, stdout=subprocess.PIPE)
        self.children.append(child)
        assert child.stdout is not None
        line = child.stdout.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise ListenError(f"the page said more than {MAX_LINE:,} bytes, where its address is expected.")
        self.address = line.decode(errors="replace").strip()
        if not self.address:
            assert child.stderr is not None
            said = child.stderr.read(4096).decode(errors="replace").strip().removeprefix("ostinato: ")
            raise ListenError(said or "the page could not be served.")

    def _start(self, options: list[str], stdout: int | None) -> "subprocess.Popen[bytes]":
        environment = dict(os.environ)
        if self.token:  # never among the arguments, which others can read
            environment["OSTINATO_TOKEN"] = self.token
        if self.webhooks:
            environment[ENVIRONMENT] = "\n".join(addresses(self.webhooks))
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "ostinato.dashboard", str(self.store), "--until-eof", *options],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE if stdout is not None else None,
            env=environment,
            start_new_session=True,  # Ctrl-C is for us; they end when we do
        )


def has_screen() -> bool:
    """Return whether a graphical browser can open: a text browser would take over this terminal."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )

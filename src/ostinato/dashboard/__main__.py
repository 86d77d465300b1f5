"""The server as a child process: ``python -m ostinato.dashboard STORE --port 0``.

The first line that it prints is its address. The token, addresses of webhooks and their secret come by OSTINATO_TOKEN,
OSTINATO_WEBHOOK and OSTINATO_WEBHOOK_SECRET, because the arguments of a process can be read by others.
"""

import argparse
import os
import sys
import threading
from pathlib import Path

from ..errors import OstinatoError
from .costs import FEE
from .starting import start


def main() -> int:
    """Serve; 0 at an interrupt or when told to end, 1 with a sentence where that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m ostinato.dashboard", description="Show a live store.")
    parser.add_argument("store", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--webhook", action="append", default=[], metavar="URL", help="or @FILE")
    parser.add_argument("--fee", type=float, default=FEE)
    parser.add_argument("--spread", type=float)
    parser.add_argument("--tui", action="store_true", help="in this terminal, without a server")
    parser.add_argument(
        "--until-eof", action="store_true", help="end when standard input does: with the parent"
    )
    arguments = parser.parse_args()
    try:
        if arguments.tui:
            _show(arguments)
        else:
            _serve(arguments)
    except OstinatoError as error:
        print(f"ostinato: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    token = os.environ.get("OSTINATO_TOKEN") or None
    until = sys.stdin.buffer.read if arguments.until_eof else None
    start(
        arguments.store,
        arguments.host,
        arguments.port,
        token,
        arguments.webhook,
        arguments.fee,
        arguments.spread,
        tell=_tell,
        until=until,
    )


def _show(arguments: argparse.Namespace) -> None:
    from .tui import watch

    ended = threading.Event()
    if arguments.until_eof:
        threading.Thread(target=_set_at_eof, args=(ended,), daemon=True).start()
    watch(arguments.store, fee=arguments.fee, spread=arguments.spread, wait=ended.wait)


def _set_at_eof(ended: threading.Event) -> None:
    sys.stdin.buffer.read()
    ended.set()


def _tell(address: str) -> None:
    print(address, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

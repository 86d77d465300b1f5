"""A process that trains the trials it is told of: the other end of ``workers``."""

import json
import os
import queue
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO


def main() -> None:
    """Train what is asked for until the input ends."""
    begin = json.loads(sys.argv[1])
    out, sys.stdout = sys.stdout, sys.stderr  # what anyone prints must not mix with the answers
    heard: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(heard,), daemon=True).start()
    import torch

    from ...errors import RunError
    from .trials import Order, train_trial
    from .workers import read_panel

    torch.set_num_threads(begin["threads"])
    panel = read_panel(Path(begin["panel"]))

    def told(step: int, loss: float) -> bool:
        _say(out, {"step": step, "loss": loss})
        return bool(heard.get()["end"])

    while True:
        order = Order(**heard.get()["order"])
        try:
            _say(out, {"outcome": asdict(train_trial(order, panel, told, begin["device"]))})
        except RunError as error:
            _say(out, {"unwritable": str(error)})


def _listen(heard: "queue.Queue[dict[str, Any]]") -> None:
    for line in sys.stdin:
        heard.put(json.loads(line))
    os._exit(0)  # whoever gave the orders is gone


def _say(out: TextIO, message: dict[str, Any]) -> None:
    try:
        out.write(json.dumps(message) + "\n")
        out.flush()
    except OSError:
        os._exit(1)  # the same


if __name__ == "__main__":
    main()

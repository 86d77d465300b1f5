"""The worker process that trains trials; ``workers`` starts it and sends it requests."""

import json
import os
import queue
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO


def main() -> None:
    """Train the requested trials until standard input ends."""
    begin = json.loads(sys.argv[1])
    out, sys.stdout = sys.stdout, sys.stderr  # printed text must not mix with the messages
    messages: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(messages,), daemon=True).start()
    import torch

    from ..errors import RunError
    from .task import load_task
    from .trial import TrialRequest, train_trial

    torch.set_num_threads(begin["threads"])
    task = load_task(begin["task"])
    data = task.read_data(Path(begin["data"]))

    def should_prune(step: int, loss: float) -> bool:
        _send(out, {"step": step, "loss": loss})
        return bool(messages.get()["end"])

    while True:
        order = TrialRequest(**messages.get()["order"])
        try:
            outcome = train_trial(task, order, data, should_prune, begin["device"])
            _send(out, {"outcome": asdict(outcome)})
        except RunError as error:
            _send(out, {"unwritable": str(error)})


def _listen(messages: "queue.Queue[dict[str, Any]]") -> None:
    for line in sys.stdin:
        messages.put(json.loads(line))
    os._exit(0)  # the parent is gone


def _send(out: TextIO, message: dict[str, Any]) -> None:
    try:
        out.write(json.dumps(message) + "\n")
        out.flush()
    except OSError:
        os._exit(1)  # the same


if __name__ == "__main__":
    main()

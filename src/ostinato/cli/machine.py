"""Threads and device of a command."""

import os

from ..errors import ConfigError

MOST_THREADS = 256  # torch dies where the system gives no more


def prepare(threads: int | None, device: str) -> str:
    """Set the number of threads and choose the device: "cpu" or "cuda".

    One thread is the default: at the sizes of these networks a second one gains nothing, and costs much where
    the other core is busy.

    Raises:
        ConfigError: threads are too many, the device is none of auto, cpu, cuda, or cuda is not there.
    """
    if threads is not None and threads > MOST_THREADS:
        raise ConfigError(
            f"threads must be 1 to {MOST_THREADS}, got {threads:,}: more than the cores gain nothing."
        )
    os.environ.setdefault(
        "OMP_NUM_THREADS", str(threads or 1)
    )  # before torch loads, so that none are started
    import torch

    torch.set_num_threads(threads or 1)
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device must be auto, cpu or cuda, got {device!r}.")
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ConfigError("device is cuda, but torch finds no CUDA device here. Use auto or cpu.")
    return "cuda" if available and device != "cpu" else "cpu"

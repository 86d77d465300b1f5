"""Limit torch to one thread in forked child processes.

OpenMP's threads are not copied by `os.fork`; a child that shares work among them waits for ever. DataLoader's workers
run on one thread for the same reason.
"""

import os

import torch


def _one_thread() -> None:
    if torch.get_num_threads() > 1:
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_one_thread)

"""Processes that train, to be killed and interrupted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


class Children:
    """Starts one training process at a time."""

    def __init__(self, server):
        self.server = server

    def start(self, variant, folder):
        """Begin or take up a training; its process number."""
        print(variant, folder, file=self.server.stdin, flush=True)
        return int(self.server.stdout.readline())

    def wait(self):
        """How the process ended."""
        return int(self.server.stdout.readline())

    def train(self, variant, folder):
        """From here to the end, undisturbed."""
        self.start(variant, folder)
        assert self.wait() == 0


@pytest.fixture(scope="session")
def children():
    """A process that has torch loaded and forks."""
    if not hasattr(os, "fork"):
        pytest.skip("needs POSIX processes and signals")
    command = [sys.executable, str(Path(__file__).with_name("train_child.py"))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        yield Children(server)
        server.stdin.close()

"""What the process of the page says is bounded."""

import subprocess
import sys

import pytest

from ostinato.cli.serving import Pages
from ostinato.errors import ListenError

TALKER = "import os\nwhile True: os.write(1, bytes(1 << 16))"


class Impostor(Pages):
    """Another program stands where the page should."""

    def _start(self, options, stdout):
        return subprocess.Popen(
            [sys.executable, "-c", TALKER], stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE
        )


def test_an_address_without_an_end_is_refused(tmp_path):
    with pytest.raises(ListenError, match="more than 65,536 bytes, where its address is expected"):
        Impostor(tmp_path / "live.sqlite", ["--port", "0"], None).__enter__()

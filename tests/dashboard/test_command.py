"""ostinato dashboard: mistakes are a sentence, and `import ostinato` knows nothing of it."""

import subprocess
import sys

import pytest

from cli.conftest import ostinato


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.sqlite",), "there is no store"),
        (("none.sqlite", "--tui"), "there is no store"),
        (("STORE", "--host", "0.0.0.0"), "needs a token"),
        (("STORE", "--host", "0.0.0.0", "--token", "short"), "at least 16"),
        (("STORE", "--webhook", "http://example.org/"), "must be https"),
        (("STORE", "--webhook", "nonsense"), "an address like"),
    ],
)
def test_mistakes(writer, arguments, words):
    store = str(writer.path)
    done = ostinato("dashboard", *(store if part == "STORE" else part for part in arguments))
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.startswith("ostinato: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "prometheus_client", "httpx", "websockets"])
def test_a_package_that_is_not_there_is_a_sentence(writer, package):
    code = (
        f"import sys; sys.modules['{package}'] = None; sys.argv = ['ostinato', 'dashboard', sys.argv[1]]\n"
        "from ostinato.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(writer.path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"the package {package}: pip install 'ostinato[live]'" in done.stderr
    assert done.stderr.count("\n") == 1

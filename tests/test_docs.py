"""The documentation says what is so: its Python runs and prints what it shows, its commands parse, and the site builds
without a warning and without anything from elsewhere.

After a change of the code, ``python tests/test_docs.py PAGE`` writes what a page's Python prints into the page; read
the difference before you keep it, for the prose around it may speak of the old numbers.
"""

import difflib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import forkserver

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md"))
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.S | re.M)
END_OF_BLOCK = "\x1e"
WITH_PYTHON = [page for page in PAGES if "```python" in page.read_text("utf-8")]


class Block(NamedTuple):
    """A fenced block: its language, its text, and where the text lies in the page."""

    language: str
    text: str
    start: int
    stop: int


def blocks(markdown: str) -> list[Block]:
    return [Block(m.group(1), m.group(2), m.start(2), m.end(2)) for m in FENCE.finditer(markdown)]


def python_with_output(markdown: str) -> list[tuple[Block, Block | None]]:
    """Each block of Python with the text block that follows it at once, which is what it prints."""
    found, pairs = blocks(markdown), []
    for place, block in enumerate(found):
        if block.language == "python":
            after = found[place + 1] if place + 1 < len(found) else None
            gap = markdown[block.stop : after.start].strip() if after else ""
            pairs.append((block, after if after and gap == "```\n\n```text" else None))
    return pairs


def printed(sources: list[str], folder: Path) -> list[str]:
    """What each of these pieces of Python prints, run in order in one namespace."""
    program = "\n".join(f"{source}\nprint({END_OF_BLOCK!r}, end='')" for source in sources)
    done = forkserver.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split(END_OF_BLOCK)[:-1]


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_python_prints_what_the_page_shows(page, tmp_path):
    pairs = python_with_output(page.read_text("utf-8"))
    outputs = printed([block.text for block, _ in pairs], tmp_path)
    for (block, shown), output in zip(pairs, outputs, strict=True):
        told = shown.text if shown else ""
        assert output == told, "\n".join(
            [
                f"after {block.text.strip().splitlines()[-1]}",
                *difflib.ndiff(told.splitlines(), output.splitlines()),
            ]
        )


def calls() -> list[tuple[str, str]]:
    """Every line of shell in the pages and the README that calls ostinato, with its page."""
    found = []
    for page in [*PAGES, ROOT / "README.md"]:
        for block in blocks(page.read_text("utf-8")):
            if block.language in ("sh", "console", "bash"):
                lines = block.text.replace("\\\n", " ").splitlines()
                found += [(page.name, line.strip()) for line in lines if line.strip().startswith("ostinato ")]
    return found


def resolve(words: list[str]) -> tuple[Any, str, list[str]]:
    """The command that these words call, its name, and the words that are left for it. None where there is none."""
    from typer.main import get_command

    from ostinato.cli import app

    command: Any = get_command(app)
    rest, path = list(words), []
    while getattr(command, "commands", None) is not None:
        if not rest or rest[0] not in command.commands:
            return None, " ".join([*path, *rest[:1]]), rest
        path.append(rest[0])
        command = command.commands[rest.pop(0)]
    return command, " ".join(path), rest


def test_pages_call_commands():
    assert len(calls()) >= 15


@pytest.mark.parametrize(("page", "line"), calls(), ids=lambda value: value)
def test_commands_parse(page, line):
    command, path, rest = resolve(shlex.split(line, comments=True)[1:])
    assert command is not None, f"{page}: there is no command ostinato {path}"
    command.make_context(path, list(rest))  # raises on an unknown option, a missing argument, a wrong value
    assert not repeated(command, rest), f"{page}: of {repeated(command, rest)} only the last counts"


def repeated(command: Any, words: list[str]) -> list[str]:
    """Options that are given more than once though only the last of them counts."""
    single = {
        name
        for option in command.params
        if option.param_type_name == "option" and not option.multiple
        for name in option.opts
    }
    return sorted(name for name in single if words.count(name) > 1)


def test_the_check_of_commands_can_fail():
    command, path, rest = resolve(shlex.split("fit forecast trades.csv --out runs/a --modle lstm"))
    with pytest.raises(Exception, match=r"(?i)no such option.*--modle"):
        command.make_context(path, rest)
    assert resolve(["fti", "forecast"])[0] is None
    assert repeated(command, shlex.split("t.csv --known a --known b --set x=1 --set y=2")) == ["--known"]


def test_every_command_and_option_is_in_the_reference():
    from typer.main import get_command

    from ostinato.cli import app

    hook = load_hook("commands")
    page, seen = hook.page(app), 0
    waiting = [("ostinato", get_command(app))]
    while waiting:
        path, command = waiting.pop()
        if getattr(command, "commands", None) is not None:
            waiting += [(f"{path} {name}", below) for name, below in command.commands.items()]
            continue
        assert f"## {path}\n" in page
        section = page.split(f"## {path}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            if getattr(parameter, "hidden", False):  # between processes of ours
                continue
            for name in (
                [*parameter.opts, *parameter.secondary_opts] if parameter.param_type_name == "option" else []
            ):
                assert f"`{name}`" in section, f"{name} of {path} is missing"
                seen += 1
    assert seen > 30


ROW = re.compile(r"^\| \[`(\w+)`\]\([^)]*\) \| [^|]+ \| ([^|]*) \| [^|]+ \|$", re.M)
FAMILIES = sorted(page for page in (DOCS / "layers").glob("*.md") if page.stem != "index")


def rows_of_layers() -> dict[str, str]:
    """What the table of all layers says of each: whether it streams."""
    rows = ROW.findall((DOCS / "layers" / "index.md").read_text("utf-8"))
    assert len(rows) == len(dict(rows)), "a layer stands in the table twice"
    return {name: said.strip() for name, said in rows}


def test_every_layer_is_in_the_table_and_on_a_page():
    from ostinato import layers

    assert sorted(rows_of_layers()) == sorted(layers.__all__)
    told = " ".join(page.read_text("utf-8") for page in FAMILIES)
    elsewhere = {name for name in layers.__all__ if not re.search(rf"`{name}\b", told)}
    # of the forecasting task, which has pages of its own
    columns = "BarShape Calendar Columns LevelFeatures Regression RunningScale ToNetwork TradeFeatures"
    assert elsewhere == {*columns.split(), "Anchored", "Output", "Point", "Quantiles", "StudentT"}


def test_the_table_says_what_streams():
    from contract.registry import LAYERS, models

    found: dict[str, set[bool]] = {}
    for name, case in LAYERS.items():
        if name not in models.CASES:
            found.setdefault(name.split("-")[0], set()).add(case.layer.streams)
    said, only = rows_of_layers(), {"yes": {True}, "no": {False}}
    wrong = {
        name: said[name]
        for name, seen in found.items()
        if name in said and (seen != only[said[name]] if said[name] in only else True not in seen)
    }
    assert not wrong
    assert {name for name in said if said[name]} <= set(found)


def test_every_drawing_is_shown():
    hook = load_hook("drawings")
    asked = {page.name: hook.ASKED.findall(page.read_text("utf-8")) for page in FAMILIES}
    assert all(asked.values()), asked
    assert {name for names in asked.values() for name in names} == set(hook.DRAWINGS)


def load_hook(name: str) -> Any:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install ostinato[docs]")
    spec = importlib.util.spec_from_file_location(name, DOCS / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    for needed in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(needed, reason=f"{needed} is not installed: pip install ostinato[docs]")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        timeout=240,
        check=False,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.timeout(280)
def test_the_site_builds_strictly(site):
    for page in ("index", "tutorial", "architecture", "changelog", "benchmarks/index", "reference/commands"):
        assert (site / f"{page}.html").is_file()
    layers = (site / "reference" / "layers.html").read_text("utf-8")
    assert "ostinato.layers.LSTM" in layers
    assert not list(site.rglob("*.py"))
    quoted = [
        page.name for page in (site / "reference").glob("*.html") if "<blockquote>" in page.read_text("utf-8")
    ]
    assert not quoted  # examples in docstrings, unless they are fenced


class Loaded(HTMLParser):
    """Addresses that a page loads without being asked: scripts, styles, images, frames."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed", "object"):
            self.addresses += [values[key] or "" for key in ("src", "srcset", "data") if key in values]
        if tag == "link" and (values.get("rel") or "") not in ("canonical", "prev", "next"):
            self.addresses.append(values.get("href") or "")


def loaded_from_elsewhere(html: str) -> list[str]:
    parser = Loaded()
    parser.feed(html)
    inside = re.findall(r"url\(['\"]?((?:https?:)?//[^)]+)|@import ['\"]((?:https?:)?//[^'\"]+)", html)
    addresses = parser.addresses + [address for pair in inside for address in pair if address]
    return [address for address in addresses if re.match(r"(https?:)?//", address)]


def test_nothing_is_loaded_from_elsewhere(site):
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert not loaded_from_elsewhere(path.read_text("utf-8")), path.name
    pages = " ".join(path.read_text("utf-8") for path in site.rglob("*.html"))
    assert 'class="mermaid"' not in pages  # the theme would load the library that draws these from a CDN


def test_the_check_of_what_is_loaded_can_fail():
    assert loaded_from_elsewhere('<script src="https://unpkg.com/a.js"></script>')
    assert loaded_from_elsewhere('<link rel="stylesheet" href="//fonts.googleapis.com/css">')
    assert loaded_from_elsewhere("a { background: url(https://x.org/a.png) }")
    assert not loaded_from_elsewhere('<a href="https://x.org">x</a><script src="assets/a.js"></script>')


def rewrite(page: Path) -> None:
    """Put what the Python of a page prints into the page."""
    markdown = page.read_text("utf-8")
    pairs = python_with_output(markdown)
    with tempfile.TemporaryDirectory() as folder:
        outputs = printed([block.text for block, _ in pairs], Path(folder))
    for (_, shown), output in reversed(list(zip(pairs, outputs, strict=True))):
        if shown:
            markdown = markdown[: shown.start] + output + markdown[shown.stop :]
    page.write_text(markdown, "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        rewrite(Path(name))

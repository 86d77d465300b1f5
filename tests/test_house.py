"""What keeps the house in order: names, versions, errors, and nothing that could run code from data."""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import tomllib
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

import ostinato
from ostinato import errors

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "ostinato").rglob("*.py"))
PACKAGES = [m.name for m in pkgutil.walk_packages(ostinato.__path__, "ostinato.") if m.ispkg]


def test_the_version_is_stated_once_and_agrees():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == ostinato.__version__


def test_the_tree_of_errors_is_drawn_as_it_is():
    drawn = re.findall(r"[│ ├└─]*(\w+Error)\b", (errors.__doc__ or "").split("A message")[0])
    real = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}
    assert sorted(drawn) == sorted(real)
    assert all(issubclass(kind, errors.OstinatoError) for kind in real.values())


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_exist_and_are_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", []):
        thing = getattr(module, public)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert thing.__doc__, f"{name}.{public} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src" / "ostinato")))
def test_no_code_from_data(path):
    """No pickle, no torch.load, no eval or exec: a run folder from a stranger executes nothing."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names} | {getattr(node, "module", "") or ""}
            assert not names & {"pickle", "dill", "joblib", "marshal", "shelve"}
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "torch.load", "torch.save", "np.load", "numpy.load")


def test_files_and_functions_stay_small():
    """A file past 400 lines or a function past 50 asks to be split by idea."""
    long = [
        f"{path.name}: {lines} lines"
        for path in SOURCES
        if (lines := len(path.read_text().splitlines())) > 400
    ]
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                size = (
                    (node.end_lineno or 0) - node.lineno - len((ast.get_docstring(node) or "").splitlines())
                )
                if size > 60:
                    long.append(f"{path.name}: {node.name} is {size} lines")
    assert not long


def test_the_changelog_has_an_unreleased_heading():
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()


def circle_of_files(package: str) -> list[str]:
    """Files that import each other in a circle, type-only and late imports included; empty where there is none."""
    graph = grimp.build_graph(package, cache_dir=None)
    try:
        TopologicalSorter({m: graph.find_modules_directly_imported_by(m) for m in graph.modules}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def shared_names(sources: list[Path]) -> set[str]:
    """Names of classes that are defined more than once, inner ones included."""
    nodes = (node for path in sources for node in ast.walk(ast.parse(path.read_text())))
    counts = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    return {name for name, count in counts.items() if count > 1}


def test_no_file_is_in_a_circle_of_imports():
    assert circle_of_files("ostinato") == []


@pytest.mark.parametrize(
    "late",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .above import Above\n",
        "def make():\n    from . import above\n    return above.Above()\n",
        "from planted_circle.inner import above\n",
    ],
)
def test_a_planted_circle_is_found(tmp_path, monkeypatch, late):
    inner = tmp_path / "planted_circle" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner.parent, inner):
        (folder / "__init__.py").write_text("")
    (inner / "above.py").write_text("from .below import Below\nclass Above(Below): ...\n")
    (inner / "below.py").write_text(late + "class Below: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        found = circle_of_files("planted_circle")
    finally:
        sys.modules.pop("planted_circle", None)
    assert set(found) == {"planted_circle.inner.above", "planted_circle.inner.below"}


def test_every_class_has_a_name_of_its_own(tmp_path):
    assert shared_names(SOURCES) == set()
    twins = [tmp_path / "one.py", tmp_path / "other.py"]
    for path in twins:
        path.write_text("class Twin:\n    class Inner: ...\n")
    assert shared_names(twins) == {"Twin", "Inner"}

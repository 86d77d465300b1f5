"""One page for each subpackage, filled by mkdocstrings from the docstrings."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SOURCE = Path(__file__).parents[2] / "src" / "ostinato"
SUBPACKAGES = (
    "core",
    "layers",
    "models",
    "data",
    "training",
    "evaluation",
    "runs",
    "experiment",
    "tasks.forecasting",
    "checks",
    "inspection",
)
# what has its place in a page though the subpackage exports it further down
BESIDE = {"layers": [f"recurrent.{name}_" for name in ("chrono", "forget_bias", "identity", "orthogonal")]}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to the site and to its navigation."""
    entries: list[Any] = []
    for name in SUBPACKAGES:
        path = f"reference/{name.replace('.', '-')}.md"
        files.append(File.generated(config, path, content=page(name)))
        entries.append({f"ostinato.{name}": path})
    reference = next(item["Reference"] for item in config.nav or [] if "Reference" in item)
    next(item for item in reference if "Python" in item)["Python"] = entries
    return files


def page(name: str) -> str:
    """What a subpackage exports, or its modules where it exports nothing by itself."""
    folder = SOURCE.joinpath(*name.split("."))
    tree = ast.parse((folder / "__init__.py").read_text("utf-8"))
    head = f"# ostinato.{name}\n\n"
    exported = exports(tree) + BESIDE.get(name, [])
    if exported:
        return (
            head
            + entry(f"ostinato.{name}", members="false")
            + "".join(entry(f"ostinato.{name}.{full_name(folder, member)}") for member in exported)
        )
    modules = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    return (
        head
        + entry(f"ostinato.{name}", members="false")
        + "".join(
            entry(f"ostinato.{name}.{module}", full="true")
            for module in modules
            if describes_itself(folder / f"{module}.py")
        )
    )


def exports(tree: ast.Module) -> list[str]:
    """The names in ``__all__``, in the order of the alphabet whatever their case."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return sorted(ast.literal_eval(node.value), key=str.lower)
    return []


def full_name(folder: Path, member: str) -> str:
    """The name itself, or MODULE.NAME where a module of the same name would be taken for it."""
    own = f"{member}.{member}"
    return own if (folder / f"{member}.py").exists() else member


def describes_itself(path: Path) -> bool:
    """Whether a module has a docstring, and something public to show."""
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return bool(ast.get_docstring(tree)) and any(
        isinstance(node, kinds) and not node.name.startswith("_") for node in tree.body
    )


def entry(identifier: str, members: str = "", full: str = "") -> str:
    """One directive of mkdocstrings."""
    lines = [f"::: {identifier}"]
    options = []
    if members:
        options += ["members: false", "show_root_heading: false", "show_root_toc_entry: false"]
    if full:
        options += ["show_root_full_path: true"]
    if options:
        lines += ["    options:", *(f"      {option}" for option in options)]
    return "\n".join(lines) + "\n\n"

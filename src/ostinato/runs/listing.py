"""List the runs below a folder."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import RunError
from .folder import RunFolder
from .format import read_config
from .results import read_results

DEPTH = 2  # DIR/run and DIR/comparison/run


@dataclass(frozen=True)
class RunSummary:
    """One run. Where it cannot be read, `broken` says why in a sentence and the rest is empty.

    Text from the folder holds no control characters.
    """

    path: Path
    name: str  # the path from the folder that was listed
    task: str = ""
    model: str = ""
    created: str = ""  # ISO 8601 in UTC
    test: dict[str, float | None] | None = None  # metrics on the test part; None while there are none
    broken: str | None = None
    target: str = ""  # what is forecast
    measure: str = "log_loss"  # the metric that the tests of the run are about


def list_runs(directory: Path | str) -> list[RunSummary]:
    """The runs in a folder and in the folders it holds, the oldest first.

    Folders within a run, and those whose name starts with a dot, are not looked into. Nothing is
    raised: a run that cannot be read is listed as broken, a folder that cannot be read is empty.
    """
    top = Path(directory)
    found = [_summary(path, top) for path in _runs(top, DEPTH)]
    return sorted(found, key=lambda run: (run.created, run.name))


def _runs(folder: Path, depth: int) -> Iterator[Path]:
    if RunFolder(folder).holds_run():
        yield folder
    elif depth:
        for child in _children(folder):
            yield from _runs(child, depth - 1)


def _children(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry) for entry in entries if not entry.name.startswith(".") and _is_folder(entry)]
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # one entry that cannot be asked must not hide the others
        return False


def _summary(path: Path, top: Path) -> RunSummary:
    name = _printable(str(path.relative_to(top)) if path != top else path.resolve().name)
    folder = RunFolder(path)
    try:
        config = read_config(folder.config)
        results = read_results(folder.metrics) if os.path.lexists(folder.metrics) else None
    except RunError as error:
        return RunSummary(path, name, broken=_printable(str(error)))
    return RunSummary(
        path,
        name,
        config.task,
        _text(config.model.get("name")),
        config.created,
        None if results is None else results.test,
        target=_text(config.data.get("target")),
        measure="log_loss" if results is None else results.measure,
    )


def _text(value: object) -> str:
    return _printable(value) if isinstance(value, str) else ""


def _printable(text: str) -> str:
    """Text that cannot drive a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)

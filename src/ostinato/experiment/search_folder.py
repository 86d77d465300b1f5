"""The folder of a search: its paths, checks, and what may be removed from it.

study.journal, tune.json, trials/NNN, best; .study.lock, and .panel while other processes train
"""

import re
from pathlib import Path

from ..errors import ConfigError, RunError, RunExistsError
from ..runs.folder import NAMES
from ..runs.tuning import TUNING
from ..runs.writing import leftovers

JOURNAL, LOCK, TRIALS, BEST = "study.journal", ".study.lock", "trials", "best"


def trial_folder(folder: Path, number: int) -> Path:
    """Folder of a trial."""
    return folder / TRIALS / f"{number:03d}"


def check_folder(folder: Path, force: bool, resume: bool) -> None:
    """Refuse an unusable folder before long work begins.

    Raises:
        ConfigError: both force and resume.   RunExistsError: there is a search, and neither was given.
        RunError: there is something else.
    """
    if force and resume:
        raise ConfigError("force replaces a search and resume goes on with it. Choose one of them.")
    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise RunError(f"{folder} is a file. Choose another folder for the search.")
        holds = (folder / TUNING).is_file()
        others = [path for path in folder.iterdir() if not _harmless(path)]
        inner = [folder / BEST, folder / TRIALS, *_entries(folder / TRIALS)]
        link = next((path for path in inner if path.is_symlink()), None)
    except (OSError, ValueError) as error:
        raise RunError(
            f"cannot write the folder {folder}: {getattr(error, 'strerror', None) or error}."
        ) from error
    if link is not None:  # its target would be written to
        raise RunError(f"{link} is a link, which no search writes. Remove it, or choose another folder.")
    if holds and not (force or resume):
        raise RunExistsError(
            f"{folder} already holds a search. --force replaces it, --resume goes on with it."
        )
    if not holds and others:
        raise RunError(
            f"{folder} is not empty and holds no search: {TUNING} is missing. Choose another folder."
        )


def _harmless(path: Path) -> bool:
    """Whether the folder holds nothing but the remains of a search that was killed before its first trial."""
    empty = path.name in (TRIALS, BEST) and path.is_dir() and not any(path.iterdir())
    return path.name == LOCK or path.suffix == ".tmp" or empty


def clear(folder: Path, kept: frozenset[int] | None = None) -> None:
    """Remove the files of a search, and no others.

    Args:
        kept: numbers of trials; then the search stays, without its other trials.

    Raises:
        RunError: something cannot be removed.
    """
    numbered = [path for path in _entries(folder / TRIALS) if re.fullmatch(r"\d{3,9}", path.name)]
    try:
        for run in numbered:
            if kept is None or int(run.name) not in kept:
                _remove_run(run)
        if kept is None:
            _remove_run(folder / BEST)
            for path in (folder / JOURNAL, folder / TUNING):
                path.unlink(missing_ok=True)
            if (folder / TRIALS).is_dir() and not _entries(folder / TRIALS):
                (folder / TRIALS).rmdir()
    except OSError as error:
        raise RunError(f"cannot write the folder {folder}: {error.strerror or error}.") from error


def _remove_run(run: Path) -> None:
    if not run.is_dir() or run.is_symlink():
        return
    for path in [*(run / name for name in NAMES), *leftovers(run, NAMES)]:
        path.unlink(missing_ok=True)
    if not _entries(run):
        run.rmdir()


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []

"""The folder of challengers: their runs, numbered, and the log of each."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from ....files.links import make_folder
from ....store import StoredModel

TEMPORARY = "training-"  # how a folder of a training's data begins, which a kill leaves behind


class Shelf:
    """Runs N and their logs N.log; of a run that does not speak only the log stays.

    Args:
        folder: made where it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def next(self) -> Path:
        """Where the next run goes; no number is given twice.

        Raises:
            OSError: the folder cannot be made.
        """
        make_folder(self.folder)
        return self.folder / str(max(self._numbers(), default=0) + 1)

    def log(self, run: Path) -> Path:
        """Of the training of a run."""
        return self.folder / f"{run.name}.log"

    def drop(self, run: Path) -> None:
        """Of a run that will not speak."""
        shutil.rmtree(run, ignore_errors=True)

    def tidy(self, models: Sequence[StoredModel]) -> None:
        """Drop what earlier lives left: runs that never spoke, and what a kill left of a training."""
        spoke = {Path(model.path).name for model in models if model.since_key is not None}
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            unheard = _number(path.name) is not None and path.name not in spoke
            if unheard or path.name.startswith(TEMPORARY):
                self.drop(path)

    def _numbers(self) -> list[int]:
        found = (_number(path.name.removesuffix(".log")) for path in self.folder.iterdir())
        return [number for number in found if number is not None]


def _number(name: str) -> int | None:
    """Of a run; other digits than ours are no number."""
    return int(name) if name.isascii() and name.isdigit() else None

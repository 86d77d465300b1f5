"""The folder of challengers: numbered runs, and the log of each."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from ....files.links import make_folder
from ....store import StoredModel

TEMPORARY = "training-"  # how a folder of a training's data begins, which a kill leaves behind


class ChallengerStore:
    """Runs N and their logs N.log; of a challenger that is not promoted only the log is kept.

    Args:
        folder: made where it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def next(self) -> Path:
        """Path of the next run; numbers are not reused.

        Raises:
            OSError: the folder cannot be made.
        """
        make_folder(self.folder)
        return self.folder / str(max(self._numbers(), default=0) + 1)

    def log(self, run: Path) -> Path:
        """Log of the training of a run."""
        return self.folder / f"{run.name}.log"

    def drop(self, run: Path) -> None:
        """Remove a run that will not be promoted."""
        shutil.rmtree(run, ignore_errors=True)

    def tidy(self, models: Sequence[StoredModel]) -> None:
        """Remove the leftovers of earlier runs: challengers that were never promoted, interrupted trainings."""
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
    """Number of a run; only ASCII digits count."""
    return int(name) if name.isascii() and name.isdigit() else None

"""The files of a run folder; creating, replacing and opening it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..errors import BrokenRunError, ConfigError, RunError, RunExistsError
from .writing import leftovers

CONFIG = "config.json"
EARLIER = "folds"  # the runs of earlier folds of a walk, in folders called 1, 2 ...
# config.json last: until it is deleted, the folder is still recognised as a run
NAMES = (
    "weights.safetensors",
    "checkpoint.safetensors",
    "metrics.jsonl",
    "metrics.json",
    "folds.json",
    "baselines.json",
    "predictions.parquet",
    "report.html",
    CONFIG,
)


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run. Making one touches nothing; `create` and `open` do."""

    path: Path

    @property
    def config(self) -> Path:
        """The settings of the run: `read_config`."""
        return self.path / CONFIG

    @property
    def weights(self) -> Path:
        """The best weights: `read_tensors`."""
        return self.path / "weights.safetensors"

    @property
    def checkpoint(self) -> Path:
        """All that resuming needs, in one file: `read_tensors`."""
        return self.path / "checkpoint.safetensors"

    @property
    def log(self) -> Path:
        """One line per evaluation: `append_line`, `read_lines`."""
        return self.path / "metrics.jsonl"

    @property
    def metrics(self) -> Path:
        """The final table: `read_results`."""
        return self.path / "metrics.json"

    @property
    def folds(self) -> Path:
        """What a run that walked forward reached on all its folds: `walk.read_walk`."""
        return self.path / "folds.json"

    @property
    def baselines(self) -> Path:
        """What live predictions are scored beside: `baselines.read_baselines`."""
        return self.path / "baselines.json"

    @property
    def predictions(self) -> Path:
        """Forecasts on the test part: `read_predictions`."""
        return self.path / "predictions.parquet"

    @property
    def report(self) -> Path:
        """A page for people."""
        return self.path / "report.html"

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """A folder that holds a run.

        Raises:
            BrokenRunError: it holds none.
        """
        folder = cls(Path(path))
        if not folder.holds_run():
            raise BrokenRunError(f'no run in {path}: config.json is missing. "ostinato runs" lists the runs.')
        return folder

    @classmethod
    def create(cls, path: Path | str, force: bool = False, resume: bool = False) -> Self:
        """A folder to write a run into, made if it is missing.

        Args:
            force: remove the files of the run that is there. Other files in the folder stay.
            resume: keep the run that is there. Where none has begun, one may begin: a run killed
                before its first file is resumed by the command that began it.

        Raises:
            RunExistsError: it holds a run, and neither force nor resume was given.
            RunError: it holds something else, which is never touched, or cannot be written to.
            ConfigError: both force and resume were given.
        """
        folder = cls(Path(path))
        folder.check(force, resume)
        try:
            folder._prepare(force)
        except OSError as error:
            raise RunError(f"cannot write the folder {path}: {error.strerror or error}.") from error
        return folder

    def check(self, force: bool = False, resume: bool = False) -> None:
        """Refuse what `create` would refuse, before long work is begun. Touches nothing.

        Raises:
            RunExistsError, RunError, ConfigError: as `create`.
        """
        if force and resume:
            raise ConfigError("force replaces a run and resume continues it. Choose one of them.")
        try:
            self._check(force, resume)
        except (OSError, ValueError) as error:  # a ValueError is a path that cannot be one
            reason = getattr(error, "strerror", None) or error
            raise RunError(f"cannot write the folder {self.path}: {reason}.") from error

    def _check(self, force: bool, resume: bool) -> None:
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise RunError(f"{self.path} is a file. Choose another folder for the run.")
        if self.holds_run():
            if not (force or resume):
                raise RunExistsError(
                    f"{self.path} already holds a run. --force replaces it, --resume continues it."
                )
        elif set(self.path.iterdir()) - set(leftovers(self.path, NAMES)):
            raise RunError(
                f"{self.path} is not empty and holds no run: config.json is missing. Choose another folder."
            )

    def holds_run(self) -> bool:
        """Whether a run has begun here."""
        try:
            return self.config.is_file()
        except OSError:
            return False

    def _prepare(self, force: bool) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise RunError(f"cannot write the folder {self.path}: permission denied. Choose another folder.")
        if force and self.holds_run():
            self._remove_run()
        for path in leftovers(self.path, NAMES):
            path.unlink()

    def _remove_run(self) -> None:
        paths = [self.path / name for name in NAMES]
        for path in paths:
            if path.is_dir() and not path.is_symlink():
                raise RunError(
                    f"{path} is a folder, which no run writes. Remove it, or choose another folder."
                )
        for earlier in self._earlier():
            earlier._remove_run()
            earlier.path.rmdir()
        for path in paths:
            path.unlink(missing_ok=True)

    def _earlier(self) -> "list[RunFolder]":
        """The runs of earlier folds, below `folds`, as far as they hold nothing else."""
        folder = self.path / EARLIER
        if folder.is_symlink() or not folder.is_dir():
            return []
        runs = [RunFolder(path) for path in folder.iterdir() if path.name.isdigit() and not path.is_symlink()]
        return [
            run
            for run in runs
            if run.holds_run() and {path.name for path in run.path.iterdir()} <= set(NAMES)
        ]

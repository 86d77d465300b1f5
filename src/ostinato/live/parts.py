"""The parts of an unfinished fetch, in OUT.parts/, from which a killed one resumes.

    manifest.json       what was asked for, the parts in order, and the holes between keys
    part-000001.parquet

Both are written whole or not at all, a part before the manifest that names it; a part that no manifest names is
nothing. ``lock`` is held by the process that writes.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl
from pydantic import BaseModel, Field

from ..errors import BrokenRunError, RunError, RunExistsError, StoreFullError, shortened
from ..files.links import make_folder, open_no_link
from ..runs.reading import read_json
from ..runs.schema import STRICT, validated
from ..runs.writing import replace_file, write_json

try:
    import fcntl
except ImportError:  # Windows: nobody keeps two of them apart there
    fcntl = None  # type: ignore[assignment]

MANIFEST = "manifest.json"
BLOCK = 1 << 20


class FetchRequest(BaseModel):
    """A fetch request as it was given: an equal request resumes its parts.

    interval: of bars; "" for trades.   days, since, until: as given, None where they were not.
    """

    model_config = STRICT

    exchange: str
    rest: str
    symbol: str
    interval: str = ""
    days: float | None = None
    since: float | None = None
    until: float | None = None


class MissingRange(BaseModel):
    """Keys that the exchange does not have, both inclusive; ``after`` and ``before`` are times in seconds."""

    model_config = STRICT

    first: int
    last: int
    after: float
    before: float
    why: str


class FetchedPart(BaseModel):
    """One file of rows; first and last are keys."""

    model_config = STRICT

    file: str = Field(pattern=r"^part-\d{6}\.parquet$")
    rows: int = Field(ge=1)
    first: int
    last: int
    first_time: float
    last_time: float
    sha256: str


class Manifest(BaseModel):
    """State of a fetch. ``start`` and ``end`` in seconds since the epoch, the end excluded."""

    model_config = STRICT

    format_version: Literal[1] = 1
    request: FetchRequest
    start: float
    end: float
    parts: list[FetchedPart] = []
    holes: list[MissingRange] = []
    complete: bool = False
    joining: bool = False

    @property
    def rows(self) -> int:
        """Number of rows in all parts."""
        return sum(part.rows for part in self.parts)


class PartFolder:
    """The folder of parts of one output file."""

    def __init__(self, out: Path, manifest: Manifest) -> None:
        self.out, self.folder, self.manifest = out, folder_of(out), manifest

    @classmethod
    def found(cls, out: Path, request: FetchRequest, force: bool) -> Self | None:
        """The parts of an equal request; None if there are none, or of another request with ``force``.

        Raises:
            RunExistsError: they are another request's.   BrokenRunError: they are damaged.
        """
        folder = folder_of(out)
        if not (folder / MANIFEST).exists():
            return None
        manifest = validated(Manifest, read_json(folder / MANIFEST), str(folder / MANIFEST))
        if manifest.request != request and force:
            return None
        if manifest.request != request:
            theirs, ours = manifest.request.model_dump(), request.model_dump()
            unlike = next(name for name in theirs if theirs[name] != ours[name])
            raise RunExistsError(
                f"{folder} holds parts of another request, with {unlike} {_format(theirs[unlike])} instead of "
                f"{_format(ours[unlike])}. Repeat that request to resume them; --force starts over."
            )
        return cls(out, manifest)

    @classmethod
    def begun(cls, out: Path, manifest: Manifest) -> Self:
        """A new folder; existing parts are removed."""
        parts = cls(out, manifest)
        with _write_errors(parts.folder):
            (parts.folder / MANIFEST).unlink(missing_ok=True)
            for old in parts.folder.glob("part-*.parquet"):
                old.unlink()
        parts.save()
        return parts

    @property
    def last(self) -> FetchedPart | None:
        """The newest part."""
        return self.manifest.parts[-1] if self.manifest.parts else None

    def save(self, **changes: Any) -> None:
        """Write the manifest with some fields changed."""
        self.manifest = self.manifest.model_copy(update=changes)
        with _write_errors(self.folder):
            write_json(self.folder / MANIFEST, self.manifest.model_dump())

    def add(
        self, frame: pl.DataFrame, keys: list[int], times: list[float], holes: list[MissingRange]
    ) -> None:
        """Add a part: its rows, their keys (ascending) and times, and the missing ranges before its last row."""
        name = f"part-{len(self.manifest.parts) + 1:06d}.parquet"
        with _write_errors(self.folder), replace_file(self.folder / name) as file:
            frame.write_parquet(file)
        part = FetchedPart(
            file=name,
            rows=len(frame),
            first=keys[0],
            last=keys[-1],
            first_time=times[0],
            last_time=times[-1],
            sha256=sha256(self.folder / name),
        )
        self.save(parts=[*self.manifest.parts, part], holes=[*self.manifest.holes, *holes])

    def check(self) -> None:
        """Check that every key is in one part or one missing range, and that the files are unmodified.

        Raises:
            BrokenRunError: they are not; the parts must be fetched again.
        """
        parts, holes = self.manifest.parts, self.manifest.holes
        missing = sum(hole.last - hole.first + 1 for hole in holes)
        whole = parts[-1].last - parts[0].first + 1
        ordered = all(one.last < other.first for one, other in pairwise(parts))
        wrong = next((part.file for part in parts if sha256(self.folder / part.file) != part.sha256), None)
        if wrong or not ordered or self.manifest.rows + missing != whole:
            what = f"{wrong} is not as it was written" if wrong else "a key is missing, or there twice"
            raise BrokenRunError(f"{self.folder}: {what}. Remove the folder and run the same command again.")

    def join(self) -> None:
        """Concatenate the parts into the output file; one part at a time is in memory.

        Raises:
            BrokenRunError: a part is damaged.   StoreFullError: the disk is full.
        """
        self.check()
        self.save(joining=True)
        files = [self.folder / part.file for part in self.manifest.parts]
        with _write_errors(self.out), replace_file(self.out) as file:
            # checked by their digests, so they are ours
            pl.scan_parquet(files, glob=False, low_memory=True).sink_parquet(file)

    def remove(self) -> None:
        """Remove the parts, the manifest last."""
        for part in self.manifest.parts:
            (self.folder / part.file).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Lock the folder of parts; remove it at the end if it holds none.

    Raises:
        RunError: another process has it, or the system does not let us write there.
    """
    folder = folder_of(out)
    with _write_errors(folder):
        if not out.parent.is_dir():
            raise RunError(f"cannot write {out}: there is no folder {out.parent}.")
        make_folder(folder)
        file = os.fdopen(open_no_link(folder / "lock", os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab")
    with file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"another fetch is writing {out}. Wait for it, or choose another --out.") from None
        try:
            yield
        finally:
            if not (folder / MANIFEST).exists():
                shutil.rmtree(folder, ignore_errors=True)


def check_out(out: Path) -> None:
    """Refuse an invalid output path.

    Raises:
        RunError: it is empty, or a folder.
    """
    if not out.name or out.name == "..":
        raise RunError(f"--out must be a file such as trades.parquet, got {shortened(str(out))}.")
    if out.is_dir():
        raise RunError(f"{out} is a folder. Name a file in it, such as {out / 'trades.parquet'}.")


def check_free(out: Path, force: bool) -> None:
    """Refuse to overwrite a file.

    Raises:
        RunExistsError: it is there.
    """
    if not force and out.exists():
        raise RunExistsError(f"{out} is there already. --force replaces it.")


def folder_of(out: Path) -> Path:
    """The folder of parts of an output file."""
    return out.with_name(f"{out.name}.parts")


def sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; "" if there is none."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


@contextmanager
def _write_errors(place: Path) -> Iterator[None]:
    """Translate errors of a full disk or an inaccessible folder into messages."""
    try:
        yield
    except (RunError, OSError, pl.exceptions.PolarsError) as error:
        text = str(error).strip().splitlines()[-1].rstrip(".")
        if "No space left" in text or "quota" in text.lower():
            raise StoreFullError(
                f"no room to write {place}: the disk is full. Make room and run the same command again; it resumes."
            ) from error
        if isinstance(error, RunError):
            raise
        why = error.strerror if isinstance(error, OSError) and error.strerror else text
        raise RunError(f"cannot write {place}: {why}.") from error


def _format(value: object) -> str:
    return "unset" if value in (None, "") else str(value)

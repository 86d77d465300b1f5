"""config.json: the settings of a run.

The envelope is checked here. What lies inside `data`, `model` and `training` belongs to the task that
wrote it and is checked there; here it has to be plain JSON of a bounded size.

Format 1 is the first. A field is added with a default, or the version goes up and a reader of the old
one stays; `tests/runs/golden` holds a folder of every format.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, JsonValue, StringConstraints, field_validator

from ..errors import BrokenRunError, shortened
from .reading import MAX_JSON_BYTES, parse_json, read_json
from .schema import STRICT, Line, Name, validated
from .writing import write_bytes

FORMAT_VERSION = 1

TaskName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
# datetime takes any character between date and time, an escape sequence's too
Time = Annotated[str, StringConstraints(pattern=r"^[0-9T:.+Z-]+$", max_length=40)]
Version = Annotated[str, StringConstraints(max_length=200)]


class RunConfig(BaseModel):
    """The envelope of config.json.

    `model["name"]`, where it is a string, is what a list of runs shows.
    """

    model_config = STRICT

    format_version: int = Field(default=FORMAT_VERSION, ge=1, le=FORMAT_VERSION)
    task: TaskName
    created: Time  # ISO 8601 in UTC, as `utc_now` writes it
    seed: int = Field(ge=0, lt=2**63)
    versions: dict[Name, Version] = Field(default={}, max_length=100)  # of ostinato, torch, Python ...
    columns: dict[Name, Name] = Field(default={}, max_length=1000)  # role -> name in the data file
    read: list[Line] = Field(default=[], max_length=200)  # what was read and what was guessed, for a person
    data: dict[str, JsonValue]
    model: dict[str, JsonValue]
    training: dict[str, JsonValue]

    @field_validator("created")
    @classmethod
    def _is_utc(cls, created: str) -> str:
        # a date alone parses too, and has no offset
        if datetime.fromisoformat(created).utcoffset() != timedelta(0):
            raise ValueError("a time in UTC such as 2026-01-31T12:00:00+00:00 is expected")
        return created


def utc_now() -> str:
    """The time as `RunConfig.created` holds it, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_config(path: Path | str) -> RunConfig:
    """The envelope in config.json.

    Raises:
        BrokenRunError: the file is missing, hostile, not of this format, or of a newer one.
        RunError: the system does not let us read it.
    """
    return _config(read_json(path), str(path))


def write_config(path: Path | str, config: RunConfig) -> None:
    """Replace config.json.

    Raises:
        BrokenRunError: the config is one that `read_config` would refuse.
        RunError: the system does not let us write there.
    """
    data = (json.dumps(config.model_dump(mode="json"), indent=2) + "\n").encode()
    if len(data) > MAX_JSON_BYTES:
        raise BrokenRunError(
            f"{path} would be {len(data):,} bytes, more than the {MAX_JSON_BYTES:,} allowed."
        )
    _config(parse_json(data, str(path)), str(path))
    write_bytes(path, data)


def _config(value: Any, where: str) -> RunConfig:
    version = value.get("format_version") if isinstance(value, dict) else None
    if type(version) is not int or version < 1:
        raise BrokenRunError(
            f"{where}: format_version must be a whole number from 1, got {shortened(version)}."
        )
    return validated(RunConfig, value, where)

"""baselines.json: fitted parameters of the baselines that live predictions of a run are scored beside."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from .reading import read_json
from .schema import STRICT, Name, validated
from .writing import write_json

MAX_BYTES = 1 << 26
Parameters = Annotated[dict[Name, Any], Field(max_length=20)]  # checked by whoever makes a baseline of them


class LiveBaselines(BaseModel):
    """The whole of baselines.json.

    baselines: by name, the parameters for each column that is forecast.
    units: what the losses of each column are measured in; 1 for a single one.
    """

    model_config = STRICT

    format_version: int = 1
    baselines: dict[Name, Annotated[list[Parameters], Field(max_length=1000)]] = Field(
        default={}, max_length=20
    )
    units: list[Annotated[float, Field(gt=0)]] = Field(default=[], max_length=1000)


def read_baselines(path: Path) -> LiveBaselines:
    """baselines.json; of a run from before there was such a file, none.

    Raises:
        BrokenRunError: the file is hostile or not such a table.
        RunError: the system does not let us read it.
    """
    if not path.exists():
        return LiveBaselines()
    return validated(LiveBaselines, read_json(path, MAX_BYTES), str(path))


def write_baselines(path: Path, baselines: LiveBaselines) -> None:
    """Replace baselines.json. Raises RunError."""
    write_json(path, baselines.model_dump())

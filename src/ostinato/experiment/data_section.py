"""The data section of a run's config, and the protocol of the data of an experiment."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..data.folds import Fold
from ..errors import ConfigError
from ..models.registry import explain

R = TypeVar(
    "R", bound=BaseModel
)  # a recipe: the data section of a run's config, with the fields of DataSection
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DataSection(BaseModel):
    """The fields of the data section that all tasks have; a task adds its own fields with bounds.

    Facts, None or 0 until ``Task.settle``:
        rows, digest: of the data the run was fitted on, to know them again.
        fold, of_folds, fold_window: which fold of which walk the run was fitted on, from 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rows: int = Field(default=0, ge=0)
    digest: Digest | None = None
    fold: int = Field(0, ge=0, le=10_000)
    of_folds: int = Field(1, ge=1, le=10_000)
    fold_window: Literal["expanding", "rolling"] = "expanding"


class DataReport(Protocol):
    """Report on what was read. ``columns`` (role to name) may be missing."""

    @property
    def source(self) -> str:
        """Name of the source."""
        ...

    def lines(self) -> list[str]:
        """Lines about what was read and inferred, for the user."""
        ...


class Dataset(Protocol):
    """The data of a task: a number of rows or examples, and a report on their source."""

    def __len__(self) -> int:
        """Number of rows or examples."""
        ...

    @property
    def report(self) -> DataReport:
        """Report on what was read."""
        ...


def fold_fields(fold: Fold) -> dict[str, Any]:
    """The fields of a data section that identify its fold."""
    return {"fold": fold.number, "of_folds": fold.count, "fold_window": fold.window}


def validated_section(kind: type[R], fields: Mapping[str, Any]) -> R:
    """The validated data section of a config.

    Raises:
        ConfigError: a field is unknown or out of range.
    """
    try:
        return kind.model_validate(dict(fields))
    except ValidationError as error:
        raise ConfigError(explain(error, "data", list(kind.model_fields))) from None

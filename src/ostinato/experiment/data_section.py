"""The data section of a run's config, and data as an experiment sees them."""

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
    """The data section of a run's config, as far as tasks have it in common; a task's own adds fields with bounds.

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
    """What reading the data found. ``columns`` (role to name) may be missing."""

    @property
    def source(self) -> str:
        """Where they are from."""
        ...

    def lines(self) -> list[str]:
        """What was read and what was guessed, for a person."""
        ...


class Dataset(Protocol):
    """Data as a task reads them: so many rows or examples, and where they are from."""

    def __len__(self) -> int:
        """Rows or examples."""
        ...

    @property
    def report(self) -> DataReport:
        """What reading found."""
        ...


def fold_fields(fold: Fold) -> dict[str, Any]:
    """The fields of a data section that say which fold it is of."""
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

"""Read data for a command that works on a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .options import pairs

if TYPE_CHECKING:
    from ..experiment.task import Run


def read(run: "Run[Any]", path: Path, columns: list[str] | None, time_unit: str | None) -> Any:
    """Read the rows of a file with the layout of the run; columns and time unit may be overridden.

    Raises:
        DataError: the file cannot be used.   ConfigError: an option says something that cannot be.
    """
    recipe, changes = run.recipe, {}
    named = pairs(columns, "--column")
    for option, field, asked in (("--column", "columns", named), ("--time-unit", "time_unit", time_unit)):
        if asked and not hasattr(recipe, field):
            raise ConfigError(f"a run of the task {run.task.name} has no {option}. Leave it out.")
    if named:
        changes["columns"] = recipe.columns | named
    if time_unit:
        changes["time_unit"] = time_unit
    return run.task.read(path, recipe.model_copy(update=changes))

"""Data for a command that works with a run."""

from pathlib import Path
from typing import TYPE_CHECKING

from .options import pairs

if TYPE_CHECKING:
    from ..data.panel import Panel
    from ..tasks.forecasting import Run


def read(run: "Run", path: Path, columns: list[str] | None, time_unit: str | None) -> "Panel":
    """The rows of a file, read as the run says; columns and time unit may be named anew.

    Raises:
        DataError: the file cannot be used.   ConfigError: an option says something that cannot be.
    """
    from ..tasks.forecasting import panel_of

    named = pairs(columns, "--column")
    changes = {"columns": run.recipe.columns | named, "time_unit": time_unit or run.recipe.time_unit}
    return panel_of(path, run.recipe.model_copy(update=changes))

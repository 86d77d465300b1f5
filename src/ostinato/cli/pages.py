"""Reports of runs, if the extra for them is installed."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def write_reports(console: "Console", folders: list[Path]) -> Path | None:
    """Write the report of each folder; return the last, or None with a message if the extra is not installed."""
    try:
        import plotly  # noqa: F401 # the extra

        from ..report import write_report
    except ImportError:
        console.print(
            "no pages were written: install ostinato[report] for them.", highlight=False, markup=False
        )
        return None
    return [write_report(folder) for folder in folders][-1]

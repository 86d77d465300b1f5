"""Pages of runs, where the extra for them is installed."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def write_reports(console: "Console", folders: list[Path]) -> Path | None:
    """The page of each folder; that of the last one, or None with a sentence where the extra is not installed."""
    try:
        import plotly  # noqa: F401 # the extra

        from ..report import write_report
    except ImportError:
        console.print(
            "no pages were written: install ostinato[report] for them.", highlight=False, markup=False
        )
        return None
    return [write_report(folder) for folder in folders][-1]

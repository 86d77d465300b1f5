"""Choosing the page by what a folder holds, and writing it."""

from pathlib import Path

import numpy as np

from ..errors import BrokenRunError
from ..files.forking import use_threads
from ..runs.comparison import COMPARISON
from ..runs.folder import RunFolder
from ..runs.format import read_config
from ..runs.writing import write_bytes


def write_report(path: Path | str, out: Path | str | None = None) -> Path:
    """Write the page of a run, or of a comparison, and return where it is.

    A comparison links to the pages of its runs that are there, so these are to be written first.

    Args:
        path: a run folder, or one that `ostinato compare` wrote.
        out: the file; None is ``report.html`` in the folder.

    Raises:
        BrokenRunError: it is neither, or what it holds is damaged or hostile.
        RunError: the system does not let us read or write there.
        ConfigError: plotly is not installed.
    """
    use_threads()
    folder = RunFolder(Path(path))
    target = folder.report if out is None else Path(out)
    with np.errstate(all="ignore"):  # what is not finite is shown as a dash
        if (folder.path / COMPARISON).is_file():
            from .comparison import comparison_page

            content = comparison_page(folder.path)
        elif folder.holds_run():
            content = _run_page(folder)
        else:
            raise BrokenRunError(
                f"no run and no comparison in {path}: neither config.json nor {COMPARISON} is there. "
                '"ostinato runs" lists the runs.'
            )
    write_bytes(target, content)
    return target


def _run_page(folder: RunFolder) -> bytes:
    """Forecasts have a page of their own; the page of any other task shows what that task says."""
    config = read_config(folder.config)
    if config.task == "forecast":
        from .run import run_page

        return run_page(folder)
    from ..tasks import task_of_run
    from .task_page import task_page

    return task_page(folder, config, task_of_run(folder.path))

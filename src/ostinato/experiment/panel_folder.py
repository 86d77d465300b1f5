"""Panels in a folder for worker processes: memory-mapped arrays that they share, and JSON for the rest."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.calendar import Holidays
from ..data.grid import Step
from ..data.layout import Layout
from ..data.panel import Panel
from ..errors import RunError
from ..runs.reading import read_bytes
from .settings import column_names, read_lines

ARRAYS = ("time", "starts", "observed")
MAX_PANEL_BYTES = 1 << 26  # of the JSON, which names each series
PLAIN = ("kind", "ids", "step", "season", "targets", "known", "bars")


def write_panel(folder: Path, panel: Panel) -> None:
    """Write a panel into a new folder.

    Raises:
        RunError: the system does not let us write there.
    """
    facts = {name: getattr(panel, name) for name in PLAIN}
    facts |= {
        "columns": list(panel.values),
        "source": panel.report.source,
        "lines": read_lines(panel),
        "roles": column_names(panel),
        "layout": None if panel.layout is None else panel.layout.model_dump(mode="json"),
    }
    arrays = {name: getattr(panel, name) for name in ARRAYS}
    if panel.holidays is not None:
        known = panel.holidays
        facts["holidays"] = [known.place, list(known.step), known.zone]
        arrays |= {"holidays_time": known.time, "holidays_wall": known.wall}
    arrays |= {f"value{place}": column for place, column in enumerate(panel.values.values())}
    try:
        folder.mkdir()
        for name, array in arrays.items():
            if array is not None:
                np.save(folder / f"{name}.npy", array, allow_pickle=False)
        (folder / "panel.json").write_text(json.dumps(facts), encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}.") from error


@dataclass(frozen=True)
class PanelReport:
    """The report of a panel that was read from a folder."""

    source: str
    read: list[str]
    columns: dict[str, str]

    def lines(self) -> list[str]:
        """Lines of the report."""
        return self.read


def read_panel(folder: Path) -> Panel:
    """Read what ``write_panel`` wrote; all processes that read it share the memory of the arrays.

    Raises:
        RunError: its page of JSON is missing or too large.
    """
    facts = json.loads(read_bytes(folder / "panel.json", MAX_PANEL_BYTES))

    def array(name: str) -> np.ndarray | None:
        path = folder / f"{name}.npy"
        # copy on write: changes never reach the file
        return np.asarray(np.lib.format.open_memmap(path, mode="c")) if path.exists() else None

    fields = {name: tuple(v) if isinstance(v := facts[name], list) else v for name in PLAIN}
    values = {name: array(f"value{place}") for place, name in enumerate(facts["columns"])}
    arrays = {name: array(name) for name in ARRAYS}
    report = PanelReport(facts["source"], facts["lines"], facts["roles"])
    holidays = None
    if "holidays" in facts:
        place, step, zone = facts["holidays"]
        time, wall = array("holidays_time"), array("holidays_wall")
        assert time is not None
        assert wall is not None
        holidays = Holidays(place, Step(*step), time, wall, zone)
    layout = None if facts["layout"] is None else Layout.model_validate(facts["layout"])
    return Panel(values=values, report=report, holidays=holidays, layout=layout, **fields, **arrays)  # type: ignore[arg-type]

"""When to train a challenger, by the exchange's clock or by events; a restart does not reset the interval."""

import json
import math
import re
from contextlib import suppress
from pathlib import Path

from ....errors import ConfigError, RunError, shortened
from ....files.atomic import atomic_file
from ....files.links import make_folder
from ....runs.reading import read_json

PERIODS = {"hourly": 3600.0, "daily": 86_400.0, "weekly": 604_800.0}
MAX_BYTES = 4096  # of the file
FEWEST = 1000  # events to be trained on, and between two trainings


def parse_schedule(text: str) -> tuple[str, float]:
    """("seconds", S) by the exchange's clock, or ("events", N).

    Raises:
        ConfigError: it is neither.
    """
    if text in PERIODS:
        return "seconds", PERIODS[text]
    if re.fullmatch(r"[0-9]{1,12}", text) and int(text) >= FEWEST:
        return "events", float(text)
    raise ConfigError(
        f"--retrain must be {', '.join(PERIODS)} or a number of events of at least {FEWEST:,}, got {shortened(text)}."
    )


class Schedule:
    """Counts from the last training, or from the first call.

    Args:
        unit, amount: as ``parse_schedule`` gives them.
        file: keeps since when it counts, in either unit.
    """

    def __init__(self, unit: str, amount: float, file: Path) -> None:
        self.unit, self.amount, self.file = unit, amount, file
        self.since: float | None = None  # in our unit
        # a file that is damaged or too large begins the wait anew, as an absent one does
        with suppress(RunError, ValueError, TypeError, KeyError, OverflowError):
            since = float(read_json(file, MAX_BYTES)[unit])
            self.since = since if math.isfinite(since) else None

    def is_due(self, time: float, events: int) -> bool:
        """Return whether a training is due; if so, start the next interval.

        Args:
            time: of the last event, by the exchange's clock.
            events: that are stored.
        """
        now = time if self.unit == "seconds" else float(events)
        if self.since is None or now < self.since:  # a store that was begun anew
            self._begin(now, time, events)
        assert self.since is not None
        due = now - self.since >= self.amount and events >= FEWEST
        if due:
            self._begin(now, time, events)
        return due

    def _begin(self, now: float, time: float, events: int) -> None:
        self.since = now
        with suppress(OSError):  # a disk that is full: a stop would begin the wait anew
            make_folder(self.file.parent)
            with atomic_file(self.file) as file:
                file.write(json.dumps({"seconds": time, "events": events}).encode())

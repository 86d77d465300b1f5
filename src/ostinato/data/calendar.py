"""Public holidays as a column that is known in advance.

Axes: N rows, S series, K steps.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError, did_you_mean
from .grid import DAY, Step, onward
from .zones import Clock

HOLIDAY = "holiday"


@dataclass(frozen=True, eq=False)
class Holidays:
    """What it takes to tell the holidays after the last row of each series.

    Args:
        place: as ``holiday_column`` takes it.
        step: from row to row.
        time: (S,) seconds since the epoch of each last row; ``wall``: the same on the local clock.
        zone: whose clock that is, where it is told.
    """

    place: str
    step: Step
    time: np.ndarray
    wall: np.ndarray
    zone: str = ""

    def after(self, steps: int) -> np.ndarray:
        """The column at the next steps of each series, (S, K)."""
        later = np.arange(1, steps + 1)
        if self.zone and not self.step.wall:
            assert self.step.seconds is not None
            instants = self.time[:, None] + later * self.step.seconds
            wall = Clock(self.zone).wall(instants.ravel())
        else:
            wall = onward(self.step, np.repeat(self.wall, steps), np.tile(later, len(self.wall)))
        return holiday_column(wall, self.place).reshape(len(self.wall), steps)


def holiday_column(wall: np.ndarray, place: str) -> np.ndarray:
    """1.0 on a public holiday and 0.0 on other days, (N,).

    Args:
        wall: (N,) seconds since the epoch on the local clock.
        place: a country as ISO 3166 has it (US), with a part of it (US-NY, DE-BY), or a market (NYSE, XECB).

    Raises:
        ConfigError: the place is unknown, or the package holidays is not installed.
    """
    try:
        import holidays
    except ImportError:
        raise ConfigError(
            "holidays need the package holidays: pip install 'ostinato[calendar]', or leave --holidays out."
        ) from None
    days = np.floor(wall / DAY).astype(np.int64).astype("datetime64[D]")
    different, which = np.unique(days, return_inverse=True)
    years = range(different[0].item().year, different[-1].item().year + 1)
    country, _, part = place.strip().upper().partition("-")
    countries = holidays.list_supported_countries()
    markets = holidays.list_supported_financial()
    if country in countries:
        if part and part not in countries[country]:
            near = did_you_mean(part, countries[country])
            raise ConfigError(f"{country} has no part {part!r} whose holidays are known.{near}")
        known = holidays.country_holidays(country, subdiv=part or None, years=years)
    elif country in markets:
        known = holidays.financial_holidays(country, years=years)
    else:
        near = did_you_mean(country, [*countries, *markets])
        raise ConfigError(
            f"the holidays of {place!r} are not known.{near} Give a country, like US, DE or DE-BY."
        )
    free = np.array([day.item() in known for day in different], float)
    return free[which]

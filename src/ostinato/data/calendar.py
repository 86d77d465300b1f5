"""Public holidays as a column that is known in advance."""

import numpy as np

from ..errors import ConfigError, did_you_mean
from .grid import DAY

HOLIDAY = "holiday"


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

"""Numbers and times as a reader wants them."""

import math
from datetime import UTC, datetime

import numpy as np

NONE = "\N{EN DASH}"  # for what does not exist
GAP = "\N{NO-BREAK SPACE}"  # between a number and its unit
DAY = 86_400.0
# JavaScript's dates and datetime64 both hold the years 1 to 9999
FIRST, LAST = -62_135_596_800.0, 253_402_300_799.0


def number(value: float | None, digits: int = 4) -> str:
    """To four digits.

    >>> number(0.0110018), number(1234567.8), number(3.2e-9), number(None), number(-0.5)
    ('0.01100', '1,234,568', '3.2e-09', '–', '−0.5000')
    """
    if value is None or not math.isfinite(value):
        return NONE
    size = abs(value)
    if size != 0 and (size < 1e-4 or size >= 1e12):
        text = f"{value:.{digits - 1}g}"
    else:
        before = 0 if size == 0 else math.floor(math.log10(size)) + 1
        text = f"{value:,.{min(max(digits - max(before, -3), 0), 7)}f}"
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text


def count(value: int | float | None) -> str:
    """A whole number.

    >>> count(12345), count(None)
    ('12,345', '–')
    """
    return NONE if value is None or not math.isfinite(value) else f"{value:,.0f}"


def percent(value: float | None, decimals: int = 1) -> str:
    r"""A share.

    >>> percent(0.7898)
    '79.0\xa0%'
    """
    if value is None or not math.isfinite(value):
        return NONE
    return f"{100 * value:.{decimals}f}{GAP}%".replace("-", "\N{MINUS SIGN}")


def p_value(value: float | None) -> str:
    """A chance.

    >>> p_value(0.6653), p_value(3e-39), p_value(0.00012)
    ('0.67', '< 1e-10', '0.00012')
    """
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:.2g}" if value >= 1e-10 else "< 1e-10"


def duration(seconds: float | None) -> str:
    r"""A time span.

    >>> duration(1.35), duration(75), duration(7300)
    ('1.4\xa0s', '1\xa0min\xa015\xa0s', '2\xa0h\xa01\xa0min')
    """
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 60:
        return f"{seconds:.1f}{GAP}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}{GAP}min {whole % 60}{GAP}s".replace(" ", GAP)
    return f"{whole // 3600:,}{GAP}h {whole % 3600 // 60}{GAP}min".replace(" ", GAP)


def moment(seconds: float | None) -> str:
    """Seconds since the Unix epoch, in UTC, to the minute.

    >>> moment(1646092800.0), moment(None), moment(1e20)
    ('2022-03-01 00:00', '–', '–')
    """
    if seconds is None or not FIRST <= seconds <= LAST:
        return NONE
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def are_times(seconds: np.ndarray) -> bool:
    """Whether all of these can be shown as times, (n,)."""
    return len(seconds) > 0 and bool(np.all((seconds >= FIRST) & (seconds <= LAST)))


def instants(seconds: np.ndarray) -> list[str]:
    """Times as plotly.js reads them, of seconds for which `are_times`."""
    whole = np.round(seconds * 1000).astype("int64").astype("datetime64[ms]")
    fine = bool(np.any(whole != whole.astype("datetime64[s]")))
    return [str(text) for text in np.datetime_as_string(whole, unit="ms" if fine else "s")]


def hours(seconds: np.ndarray) -> np.ndarray:
    """Hour of the day in UTC, 0 to 23."""
    return np.floor(seconds % DAY / 3600).astype(np.int64)


def weekdays(seconds: np.ndarray) -> np.ndarray:
    """0 for Monday to 6 for Sunday, in UTC. The epoch began on a Thursday."""
    return ((np.floor(seconds / DAY) + 3) % 7).astype(np.int64)

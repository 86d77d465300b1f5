"""Times: numbers, ISO text or native datetimes to seconds since the Unix epoch."""

import re
from typing import NamedTuple

import numpy as np
import polars as pl

from ..errors import ColumnError, ConfigError, DataError
from .csv_files import is_number
from .digits import Form, find_form, read_digits, width_of
from .implausible_years import implausible_years
from .layout import NumbersAre
from .numbers import floats
from .table import Column, flag
from .units import PER_SECOND, Numbers, by_size, check_unit_fits, utc_or_far
from .zones import Clock, as_seconds

SPELLINGS = {"µs": "us", "μs": "us"}  # the micro sign and the Greek letter
LAST_SECOND = 253_402_300_799  # of the year 9999
ZONE = r"(Z|z| ?UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})$"
DAYS, CLOCKS = ("%Y-%m-%d", "%Y.%m.%d", "%Y%m%d"), (" %H:%M:%S%.f", " %H:%M", " %H%M%S%.f", " %H%M", "")
PIECE = 2**18  # rows of text that are understood at once
FORMATS = tuple(day + clock for day in DAYS for clock in CLOCKS)


class Times(NamedTuple):
    """Seconds since the Unix epoch (N,) float64, the unit they came in, and what was guessed.

    ``local`` (N,) is what the clock on the wall showed, in seconds since the first of January 1970 there; None
    where that is UTC. ``zone``: whose clock that is, "" where times name no more than how far they are from UTC.
    ``naive``: neither the times nor the caller named a zone. float64 resolves today's Unix time to
    0.24 µs, so µs survive and ns do not.
    """

    seconds: np.ndarray
    unit: str
    notes: list[str]
    local: np.ndarray | None = None
    naive: bool = False
    zone: str = ""


def read_times(
    column: Column, unit: str | None, clock: Clock | None = None, codes: np.ndarray | None = None
) -> Times:
    """Understand a column of times.

    Args:
        column: numbers, dates written as digits, ISO text, or dates and datetimes.
        unit: of numbers: s, ms, us (µs) or ns; None decides by magnitude, from the whole column.
        clock: whose time it is where a time names no zone; None: UTC.
        codes: (N,) the number of the series of each row; None: there is one.

    Raises:
        ConfigError: the unit is unknown, or given for times that have none.
        ColumnError: a cell is no time.   DataError: a time is missing or beyond the year 9999.
    """
    unit = check_unit(unit)
    temporal = column.cells.dtype.is_temporal()
    times = read_native(column, clock) if temporal else read_cells(column, unit, clock, codes)
    if unit is not None and times.unit != unit:
        raise ConfigError(
            f"the time unit {unit!r} is for numbers; the times of {column.table.name} are {times.unit}."
        )
    check_range(column, times)
    times.notes.extend(
        implausible_years(column, times.seconds, numeric=times.unit.split(" ")[0] in PER_SECOND)
    )
    return times if clock is None else times._replace(local=clock.wall(times.seconds), zone=clock.zone)


def numbers_of(seconds: np.ndarray, unit: str) -> NumbersAre:
    """What times (N,), read from numbers, were taken for; "" where they are no dates by any reading, or no numbers."""
    if unit.startswith("YYYY"):
        return "digits"
    scales = [PER_SECOND[one] for one in unit.split(" and ") if one in PER_SECOND]
    some = seconds[[0, len(seconds) // 2, -1]]
    return "unix" if any(width_of(round(float(time) * scale)) for time in some for scale in scales) else ""


def check_unit(unit: str | None) -> str | None:
    """The unit as we spell it."""
    unit = SPELLINGS.get(unit, unit) if unit is not None else None
    if unit is not None and unit not in PER_SECOND:
        raise ConfigError(f"the time unit must be one of {', '.join(PER_SECOND)}, got {unit!r}.")
    return unit


def read_cells(column: Column, unit: str | None, clock: Clock | None, codes: np.ndarray | None) -> Times:
    """Numbers or text, utc_seconds apart by the first cell."""
    first = column.cells[0]
    if isinstance(first, str) and not is_number(first):
        return read_text(column, clock)
    return read_numbers(Numbers(column, floats(column), codes), unit, clock)


def read_native(column: Column, clock: Clock | None) -> Times:
    """Dates and datetimes, which know their unit and may know their zone."""
    dtype = column.cells.dtype
    if dtype not in (pl.Date, pl.Datetime):
        raise ColumnError(
            f"{column.table.name}: the time column {column.cells.name!r} holds {dtype}, not points in time. "
            f"Choose {column.remedy()}."
        )
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        wall = as_seconds(column.cells.dt.replace_time_zone(None))
        return Times(as_seconds(column.cells), "datetimes", [], wall, zone=dtype.time_zone)
    seconds = as_seconds(column.cells)
    if clock is not None:
        return Times(clock.utc(column, seconds), "datetimes", [clock.note()])
    return Times(seconds, "datetimes", ["times have no zone and were taken as UTC"], naive=True)


def read_numbers(numbers: Numbers, unit: str | None, clock: Clock | None) -> Times:
    """Dates written as digits, or numbers of seconds, thousandths, millionths or billionths of one since 1970."""
    form = find_form(numbers.values)
    if unit is None:
        if form is not None:
            return read_dates(numbers, form, clock)
        return Times(*by_size(numbers))
    check_unit_fits(numbers, unit)
    seconds = numbers.seconds(unit)
    notes = []
    if form is not None:
        notes.append(
            f"times were taken as {unit} since 1970, as the time unit says ({utc_or_far(seconds[0])} is the first), "
            f"though they look like dates written as digits ({form.words}); without a time unit they are read so"
        )
    return Times(seconds, unit, notes)


def read_dates(numbers: Numbers, form: Form, clock: Clock | None) -> Times:
    """Dates written as digits, on the clock of their zone."""
    wall = read_digits(numbers.column, numbers.values, form)
    notes = [f"times were taken as dates written as digits, {form.words}"]
    if clock is not None:
        return Times(clock.utc(numbers.column, wall), form.words, [*notes, clock.note()])
    return Times(wall, form.words, [*notes, "times without a zone were taken as UTC"], naive=True)


def read_text(column: Column, clock: Clock | None) -> Times:
    """ISO 8601 text, with or without a zone."""
    cells = column.text()
    wall, seconds, bare = np.empty(len(cells)), np.empty(len(cells)), np.empty(len(cells), bool)
    form = ""
    for start in range(0, len(cells), PIECE):  # text takes several times what its seconds do
        text = cells.slice(start, PIECE).str.strip_chars()
        local, zone = split_zone(text)
        form = form or form_of(local)
        stamps, east = local.str.to_datetime(form, strict=False, time_unit="us"), offsets(zone)
        wrong = ((stamps.is_null() | east.is_null()) & text.is_not_null() & (text != "")).arg_true()
        if len(wrong):
            raise ColumnError(
                f"{column.at(start + wrong[0])}, which is neither a number nor a time like 2018-08-13T03:36:35Z. "
                f"{time_of_day_advice(text[wrong[0]])}Mend it, or choose {column.remedy()}."
            )
        piece = slice(start, start + len(text))
        wall[piece], bare[piece] = as_seconds(stamps), zone.is_null().to_numpy()
        seconds[piece] = wall[piece] - east.fill_null(0.0).to_numpy()
    if not bare.any():
        return Times(seconds, "ISO text", [], wall)
    if clock is None:
        return Times(seconds, "ISO text", ["times without a zone were taken as UTC"], wall, bool(bare.all()))
    utc_seconds = clock.utc(column, np.where(bare, wall, np.nan))
    return Times(np.where(bare, utc_seconds, seconds), "ISO text", [clock.note()])


def split_zone(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Times as YYYY-MM-DD HH:MM:SS or the like, and their zones; null where they name none."""
    zone = text.str.extract(ZONE)
    # a bare date ends like a zone without minutes, 2018-08-13
    zone = zone.set(text.str.len_chars() == len("2018-08-13"), None)
    local = text.zip_with(zone.is_null(), text.str.replace(ZONE, ""))
    return local.str.replace("T", " ", literal=True).str.replace_all("/", "-", literal=True), zone


def time_of_day_advice(text: str) -> str:
    """What to say of a time of day alone; "" for other text."""
    if not re.match(r"\d{1,2}:\d{2}", text):
        return ""
    return (
        "A time of day needs its date: name both columns with --column 'time=DATE + TIME' "
        "(in Python columns={'time': 'DATE + TIME'}). "
    )


def form_of(local: pl.Series) -> str:
    """The first format that fits the first cell; the last one where none does."""
    for form in FORMATS:
        if local.head(1).str.to_datetime(form, strict=False, time_unit="us").null_count() == 0:
            break
    return form


def offsets(zone: pl.Series) -> pl.Series:
    """Seconds east of UTC; 0 for Z, UTC and no zone, null for an impossible zone."""
    known = {name: offset(name) for name in zone.unique().to_list()}
    return zone.replace_strict(known, return_dtype=pl.Float64)


def offset(zone: str | None) -> float | None:
    """The seconds of one zone: +05:30 is 19,800."""
    if zone is None or zone[0] not in "+-":
        return 0.0
    hours, minutes = int(zone[1:3]), int(re.sub(r"\D", "", zone[3:]) or 0)
    if hours > 23 or minutes > 59:
        return None
    return (1 if zone[0] == "+" else -1) * (hours * 3600.0 + minutes * 60.0)


def check_range(column: Column, times: Times) -> None:
    """Refuse empty times and those that no calendar has."""
    bad = ~np.isfinite(times.seconds)
    if bad.any():
        raise DataError(
            f"{column.at(int(bad.argmax()))}; every {column.table.thing} needs a time. Mend or remove the row."
        )
    bad = (times.seconds > LAST_SECOND) | (times.seconds < -LAST_SECOND)
    if bad.any():
        raise DataError(
            f"{column.at(int(bad.argmax()))}, which in {times.unit} lies beyond the year 9999. "
            f"Is the unit wrong, or the column? Choose --time-unit, or {flag('time')}."
        )

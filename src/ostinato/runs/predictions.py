"""predictions.parquet: what a run forecast on the test part.

row   integer          number of the row in the data file
time  number or date   as in the data
id    integer or text  as in the data; may be null
horizon  integer       rows ahead, where several horizons are forecast
column   text          what is forecast, where there are several
actual   float         what happened; null where that was not known yet
p_up, or q10 .. q90    float, finite, one or more; p_up lies within 0 and 1. A quantile's name is its level in per cent,
                       with as many decimals as it needs, at most 3, and no more: q02.5, q10, q97.5
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import BrokenRunError, ConfigError, RunError, shortened
from ..files.forking import use_threads
from .parquet import read_parquet
from .writing import replace_file

PLACES = ("row", "time", "id")
OPTIONAL = ("horizon", "column", "actual")
DECIMALS = 3  # of a per cent, in the name of a quantile
QUANTILE = re.compile(rf"q\d\d(\.\d{{0,{DECIMALS - 1}}}[1-9])?", re.ASCII)


def quantile_name(level: float) -> str:
    """The column of a quantile at a level within 0 and 1: 0.025 is q02.5.

    Raises:
        ConfigError: the level has more decimals than a name.
    """
    percent = round(100 * level, DECIMALS)
    if not 0 < percent < 100 or abs(percent - 100 * level) > 1e-9:
        raise ConfigError(
            f"levels of quantiles lie within 0 and 1 and have at most {DECIMALS + 2} decimals, got {level}."
        )
    whole, decimals = f"{percent:.{DECIMALS}f}".split(".")
    decimals = decimals.rstrip("0")
    return f"q{whole:0>2}.{decimals}" if decimals else f"q{whole:0>2}"


def quantile_level(name: str) -> float:
    """The level of a quantile's column, the inverse of ``quantile_name``."""
    return round(float(name[1:]) / 100, DECIMALS + 2)


def write_predictions(path: Path | str, frame: pl.DataFrame) -> None:
    """Replace predictions.parquet.

    Raises:
        BrokenRunError: the frame is not as this file says.
        RunError: the system does not let us write there.
    """
    # before the checks: polars, whose threads a fork does not copy, makes them
    use_threads()
    _check_columns(frame.schema, str(path))
    _check_forecasts(frame, str(path))
    write_frame(path, frame)


def write_frame(path: Path | str, frame: pl.DataFrame, columns: Mapping[str, Any] | None = None) -> None:
    """Replace a parquet file of predictions of any task.

    Args:
        columns: names with types of polars, which the frame must have; None: it was checked already.

    Raises:
        BrokenRunError: the frame has others.   RunError: the system does not let us write there.
    """
    use_threads()
    if columns is not None:
        _check_same(frame.schema, columns, str(path))
    with replace_file(path) as file:
        try:
            frame.write_parquet(file)
        except pl.exceptions.PolarsError as error:  # how polars tells of a disk that is full
            raise RunError(
                f"cannot write {path}: {str(error).strip().splitlines()[-1].rstrip('.')}."
            ) from error


def read_frame(path: Path | str, columns: Mapping[str, Any]) -> pl.DataFrame:
    """The frame in such a file.

    Raises:
        BrokenRunError: the file is missing, hostile, or has other columns.
        RunError: the system does not let us read it.
    """
    return read_parquet(path, lambda schema: _check_same(schema, columns, str(path)))


def _check_same(schema: pl.Schema, columns: Mapping[str, Any], where: str) -> None:
    if dict(schema) != dict(columns):
        expected = ", ".join(f"{name} ({kind})" for name, kind in columns.items())
        raise BrokenRunError(f"{where}: the columns are {shortened(dict(schema))}. {expected} are expected.")


def read_predictions(path: Path | str) -> pl.DataFrame:
    """The frame in predictions.parquet, its columns in the order of the file.

    Raises:
        BrokenRunError: the file is missing, hostile, or not as this file says.
        RunError: the system does not let us read it.
    """
    frame = read_parquet(path, lambda schema: _check_columns(schema, str(path)))
    _check_forecasts(frame, str(path))
    return frame


def _check_columns(schema: pl.Schema, where: str) -> None:
    for name in PLACES:
        if name not in schema:
            raise BrokenRunError(f"{where}: the column {name} is missing.")
    forecasts = [name for name in schema if name not in PLACES + OPTIONAL]
    if not forecasts:
        raise BrokenRunError(f"{where}: there is no forecast. A column p_up, or q10 to q90, is expected.")
    for name in forecasts:
        if name != "p_up" and not QUANTILE.fullmatch(name):
            raise BrokenRunError(
                f"{where}: the column {shortened(name)} is unknown. p_up, or q10 to q90, is expected."
            )
    for name, dtype in schema.items():
        if not _fits(name, dtype):
            raise BrokenRunError(f"{where}: the column {name} cannot be {shortened(dtype)}.")


def _fits(name: str, dtype: pl.DataType) -> bool:
    if name == "time":
        return dtype.is_numeric() or dtype.is_temporal()
    if name == "id":
        return dtype.is_integer() or dtype in (pl.String, pl.Null)
    if name == "column":
        return dtype == pl.String
    return dtype.is_integer() if name in ("row", "horizon") else dtype.is_float()


def _check_forecasts(frame: pl.DataFrame, where: str) -> None:
    for column in frame.drop(*PLACES, *OPTIONAL, strict=False):
        if not column.is_finite().fill_null(False).all():
            raise BrokenRunError(f"{where}: {column.name} has values that are missing or not finite.")
        if column.name == "p_up" and not column.is_between(0, 1).all():
            raise BrokenRunError(f"{where}: p_up has values outside 0 and 1.")

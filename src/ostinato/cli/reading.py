"""Trades for a command."""

from pathlib import Path
from typing import TYPE_CHECKING

from .options import pairs

if TYPE_CHECKING:
    from ..data.trades import Trades


def read(path: Path, columns: list[str] | None, time_unit: str | None) -> "Trades":
    """The trades of a file.

    Raises:
        DataError: the file cannot be used.   ConfigError: an option says something that cannot be.
    """
    from ..data.trades import read_trades

    return read_trades(path, pairs(columns, "--column") or None, time_unit)

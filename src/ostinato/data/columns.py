"""Assign columns of a table to roles (time, price, ...) by their names."""

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import ColumnError, ConfigError, shortened
from .table import Column, Table, flag

REQUIRED, OPTIONAL = ("time", "price", "amount"), ("id", "side")

# As exchanges, collectors and tutorials call them; compared without case, spaces and punctuation.
NAMES: dict[str, tuple[str, ...]] = {
    "time": (
        *("time", "timestamp", "date", "datetime", "unix", "unixtime", "unixtimestamp", "epoch", "T", "ts"),
        *("tradetime", "transacttime", "timestampms", "timems", "createdat"),
        *("ds", "day", "hour", "week", "month", "period"),  # of tables
    ),
    "price": ("price", "p", "rate", "px", "tradeprice", "lastprice"),
    "amount": (
        "amount",
        "qty",
        "quantity",
        "size",
        "volume",
        "q",
        "vol",
        "amt",
        "sz",
        "tradesize",
        "baseqty",
    ),
    "id": ("id", "tradeid", "tid", "aggid", "aggtradeid", "a"),
    "side": ("side", "isbuyermaker", "m", "takerside", "aggressor", "aggressorside"),
}
SHOWN_COLUMNS = 20


class ColumnChoice(NamedTuple):
    """The columns to read, by role, and what was guessed on the way."""

    columns: dict[str, str]
    notes: list[str]


def choose(table: Table, named: Mapping[str, str] | None) -> ColumnChoice:
    """Find the columns of a trades table.

    Args:
        table: what was read.
        named: names given by the caller, by role. An empty name means: do without this column.

    Raises:
        ConfigError: ``named`` names an unknown role.
        ColumnError: a needed column is missing, or several could be it.
    """
    named = dict(named or {})
    check_named_columns(table, named)
    free = [n for n in table.names if n not in named.values()]
    columns, notes = {}, []
    for role in REQUIRED + OPTIONAL:
        found = [named[role]] if role in named else likeliest(role, free)
        if role in REQUIRED and len(found) != 1:
            raise ColumnError(missing(role, table) if not found else ambiguous(role, found, table))
        if len(found) > 1:
            notes.append(f"the {role} could be {either(found)}, so none was read; choose with {flag(role)}")
        elif found and found[0]:
            columns[role] = found[0]
    return ColumnChoice(columns, notes)


def check_named_columns(table: Table, named: Mapping[str, str]) -> None:
    """Refuse names that cannot be: unknown roles, absent columns, one column for two roles."""
    for role, name in named.items():
        if role not in NAMES:
            raise ConfigError(f"a trade has no {role!r}; columns can be named for {', '.join(NAMES)}.")
        if not name and role in REQUIRED:
            raise ConfigError(f"trades cannot do without the {role}. Name its column with {flag(role)}.")
        if name and name not in table.names:
            raise ColumnError(f"{table.name} has no column {name!r} for the {role}; it has {listed(table)}.")
    names = [name for name in named.values() if name]
    if len(set(names)) < len(names):
        raise ColumnError(f"one column of {table.name} is named for two roles: {dict(named)}.")


def likeliest(role: str, names: list[str]) -> list[str]:
    """The columns that a role's names fit; only one where one is plainly meant."""
    found = [name for name in names if plain(name) in {plain(known) for known in NAMES[role]}]
    # Binance names the time T beside a trade id t, and the side m beside a flag M
    same_letters = len({plain(name) for name in found}) == 1
    exact = [name for name in found if name in NAMES[role]] if same_letters else []
    canonical = [name for name in found if plain(name) == role]
    for better in (canonical, exact):
        if len(better) == 1:
            return better
    return found


def plain(name: str) -> str:
    """A name without case, spaces and punctuation."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def missing(role: str, table: Table) -> str:
    """What to say when no column fits."""
    has = f"it has {listed(table)}"
    return f"no column of {table.name} looks like the {role}; {has}. Name one with {flag(role)}."


def ambiguous(role: str, found: list[str], table: Table) -> str:
    """What to say when several columns fit."""
    return f"the {role} of {table.name} could be {either(found)}. Choose with {flag(role, found[0])}."


def either(names: list[str]) -> str:
    """'a' or 'b' or 'c'."""
    return " or ".join(map(repr, names))


def listed(table: Table) -> str:
    """The columns a reader can choose from."""
    names = table.names
    more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
    return ", ".join(map(shortened, names[:SHOWN_COLUMNS])) + more if names else "no columns"


def pick(table: Table, role: str, name: str) -> Column:
    """The cells of a chosen column."""
    return Column(role, table.frame[name], table)

"""Fault scripts: what goes wrong, when, and for how long.

A script is a TOML file of ``[[fault]]`` tables, a file of JSON lines, or Python objects:

    [[fault]]
    name = "gap"
    at = 60            # virtual seconds after the clock's start; or trade = 1234, the id of an aggregate trade
    for = 5            # virtual seconds

Everything a fault does follows from the script, the market and virtual time; the same script does the same again.
"""

import json
import math
import random
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError, did_you_mean, shortened
from .catalogue import FAULTS, KINDS

MOST_BYTES = 16 << 20
MOST_FAULTS = 100_000
LONGEST = 1e9  # seconds
HARMLESS_SHARE = (0.5, 1.5)  # of a kind's usual length, in random scripts

__all__ = ["FAULTS", "KINDS", "Fault", "make_fault", "random_faults", "read_faults"]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong; made and checked by ``make_fault``.

    name: one of ``FAULTS``.
    at: virtual seconds after the clock's start, where ``trade`` is None.
    trade: the id of the aggregate trade at whose moment it begins.
    length: virtual seconds that it lasts; 0 where it happens at once.
    parameters: the others of its kind, by name.
    """

    name: str
    at: float = 0.0
    trade: int | None = None
    length: float = 0.0
    parameters: Mapping[str, float | str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    def line(self) -> str:
        """The fault as a line of a script."""
        begin = {"at": self.at} if self.trade is None else {"trade": self.trade}
        return json.dumps({"name": self.name, **begin, "for": self.length, **self.parameters})


def make_fault(
    name: str,
    at: float | None = None,
    length: float | None = None,
    *,
    trade: int | None = None,
    **parameters: float | str,
) -> Fault:
    """Make a fault by name; omitted values are the defaults of its kind (``FAULTS``).

    Raises:
        ConfigError: there is no such fault or parameter, or a value cannot be.
    """
    if not isinstance(name, str) or name not in KINDS:
        raise ConfigError(
            f"there is no fault {shortened(name)}; `ostinato exchange --list-faults` lists them."
            f"{did_you_mean(str(name), KINDS)}"
        )
    kind = KINDS[name]
    unknown = next((key for key in parameters if key not in kind.parameters), None)
    if unknown is not None:
        allowed = ", ".join(("at", "trade", "for", *kind.parameters))
        raise ConfigError(
            f"the fault {name} has no parameter {shortened(unknown)}; it has {allowed}."
            f"{did_you_mean(str(unknown), kind.parameters)}"
        )
    if at is not None and trade is not None:
        raise ConfigError(f"the fault {name} begins at a time (at) or at a trade, not at both.")
    if trade is not None and (isinstance(trade, bool) or not isinstance(trade, int) or trade < 0):
        raise ConfigError(f"trade of the fault {name} must be an id of 0 or more, got {shortened(trade)}.")
    values = {
        key: _value(name, key, parameters.get(key, usual), usual) for key, usual in kind.parameters.items()
    }
    begin = _value(name, "at", 0.0 if at is None else at, 0.0)
    lasts = _value(name, "for", kind.length if length is None else length, 0.0)
    if lasts and not kind.length:
        raise ConfigError(f"the fault {name} happens at once: leave out for.")
    return Fault(name, begin, trade, lasts, values)


def _value(name: str, key: str, value: Any, usual: float | str) -> Any:
    if isinstance(usual, str):
        if isinstance(value, str) and len(value) <= 100:
            return value
        raise ConfigError(f"{key} of the fault {name} must be a short text, got {shortened(value)}.")
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    low = -LONGEST if key == "by" else 0.0  # a clock may be wrong either way
    if number and low <= value <= LONGEST:
        return value
    raise ConfigError(
        f"{key} of the fault {name} must be {low:,.0f} to {LONGEST:,.0f}, got {shortened(value)}."
    )


def read_faults(path: Path | str) -> list[Fault]:
    """The faults of a TOML file (.toml) or of JSON lines (any other name), in their order.

    Raises:
        ConfigError: the file cannot be read, or a fault in it cannot be; the message says which.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode()
    except (OSError, ValueError) as error:  # ValueError: also of a name that no file can have
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"the fault script {shortened(str(path))} cannot be read: {why}.") from None
    if len(content) > MOST_BYTES:
        raise ConfigError(
            f"{shortened(str(path))} is larger than the {MOST_BYTES >> 20} MiB that a fault script may have."
        )
    entries = _tables(path, text) if path.suffix.lower() == ".toml" else _lines(path, text)
    return parse_faults(entries, path.name)


def parse_faults(entries: Sequence[tuple[str, Any]], source: str = "the script") -> list[Fault]:
    """Faults of mappings with name, at or trade, for, and parameters; each beside words on where it stands.

    Raises:
        ConfigError: see ``make_fault``.
    """
    if len(entries) > MOST_FAULTS:
        raise ConfigError(f"{shortened(source)} holds {len(entries):,} faults; {MOST_FAULTS:,} are allowed.")
    faults = []
    for where, entry in entries:
        try:
            if not isinstance(entry, dict) or "name" not in entry:
                raise ConfigError(
                    'a fault is a table with a name, such as {"name": "gap", "at": 60, "for": 5}.'
                )
            values = {"length" if key == "for" else key: value for key, value in entry.items()}
            if "length" in entry:
                raise ConfigError("the length of a fault is called for.")
            faults.append(make_fault(**values))
        except ConfigError as error:
            raise ConfigError(f"{shortened(source)}, {where}: {error}") from None
    return faults


def _tables(path: Path, text: str) -> list[tuple[str, Any]]:
    try:
        script = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"the fault script {shortened(str(path))} is not TOML: {error}.") from None
    entries = script.pop("fault", [])
    if script or not isinstance(entries, list):
        extra = f"found {shortened(next(iter(script)))}" if script else "fault is no array"
        raise ConfigError(f"the fault script {shortened(str(path))} may hold [[fault]] tables only; {extra}.")
    return [(f"fault {number}", entry) for number, entry in enumerate(entries, 1)]


def _lines(path: Path, text: str) -> list[tuple[str, Any]]:
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entries.append((f"line {number}", json.loads(line)))
        except (ValueError, RecursionError):
            raise ConfigError(
                f"line {number} of the fault script {shortened(str(path))} is not JSON: {shortened(line)}. "
                "Write one fault a line, or name the file .toml."
            ) from None
    return entries


def random_faults(
    seed: int, minutes: float, names: Iterable[str] | None = None, every: float = 5.0
) -> list[Fault]:
    """Faults at random moments, in any combination, in the order of their times.

    Args:
        seed: the same seed gives the same faults.
        minutes: virtual minutes that they are strewn over.
        names: those to draw from; None takes all that a good client survives.
        every: mean virtual minutes from one fault to the next.

    Raises:
        ConfigError: a name is unknown, or a number is out of range.
    """
    if seed < 0 or not 0 <= minutes <= LONGEST / 60 or not every > 0 or minutes / every > MOST_FAULTS / 2:
        raise ConfigError(
            f"random faults want a seed of 0 or more, minutes of 0 or more and at most {MOST_FAULTS // 2:,} faults, "
            f"got seed {seed}, {minutes} minutes, one every {every}."
        )
    chosen = [name for name, kind in KINDS.items() if kind.survivable] if names is None else list(names)
    draw = random.Random(seed)  # noqa: S311 - no secret
    faults, moment = [], draw.expovariate(1 / (60 * every))
    while chosen and moment < 60 * minutes:
        name = draw.choice(chosen)
        usual = make_fault(name, moment)  # refuses an unknown name
        faults.append(
            make_fault(name, round(moment, 3), round(usual.length * draw.uniform(*HARMLESS_SHARE), 3) or None)
        )
        moment += draw.expovariate(1 / (60 * every))
    return faults

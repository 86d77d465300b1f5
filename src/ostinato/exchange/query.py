"""Parameters of a REST request, checked and refused as the exchange does.

Source:
    binance/binance-spot-api-docs, errors.md (2026-07-21). Which of two errors comes first, where a request has two, is
    not documented.
"""

import json
import re
from urllib.parse import parse_qsl

from .klines import INTERVALS
from .messages import HttpRequest, Refusal

LEGAL = re.compile(r"[A-Z0-9\-_.]{1,20}")
DIGITS = re.compile(r"[0-9]{1,20}")
ZONE = re.compile(r"([+-]?)(\d{1,2})(?::(\d{2}))?")
MOST = 1000  # rows of an answer
MICROS_FROM = 10**14  # a time above this is microseconds: as milliseconds it would lie beyond the year 5138
MOST_PARAMETERS = 50


class Query:
    """The parameters of one request. Every accessor raises Refusal with the exchange's own error."""

    def __init__(self, request: HttpRequest, allowed: tuple[str, ...], symbol: str) -> None:
        try:
            pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
        except ValueError:
            raise Refusal(-1101, "Too many parameters sent for this endpoint.") from None
        self.values = dict(pairs)
        if len(self.values) < len(pairs):
            raise Refusal(-1101, "Duplicate values for a parameter detected.")
        read = sum(name in allowed for name in self.values)
        if read < len(self.values):
            raise Refusal(
                -1104,
                f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(self.values)}'.",
            )
        empty = next((name for name, value in self.values.items() if not value and name != "symbol"), None)
        if empty is not None:
            raise Refusal(-1105, f"Parameter '{empty}' was empty.")
        self.listed = symbol
        self.micro = _time_unit(request)

    def symbol(self) -> str:
        """The symbol; only the listed one is valid."""
        name = self.values.get("symbol", "")
        if not name:
            raise missing("symbol")
        return self._known(name)

    def symbols(self) -> list[str] | None:
        """Of ``symbol`` or ``symbols``, a JSON array; None where neither was sent."""
        if "symbol" in self.values and "symbols" in self.values:
            raise Refusal(-1128, "Combination of optional parameters invalid.")
        if "symbol" in self.values:
            return [self.symbol()]
        if "symbols" not in self.values:
            return None
        try:
            names = json.loads(self.values["symbols"])
        except (ValueError, RecursionError):
            names = None
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise Refusal(-1100, "Illegal characters found in parameter 'symbols'.")
        return [self._known(name) for name in names]

    def number(self, name: str) -> int | None:
        """A whole number of 0 or more, or None."""
        text = self.values.get(name)
        if text is None:
            return None
        if not DIGITS.fullmatch(text):
            raise Refusal(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
            )
        value = int(text)
        if value >= 1 << 63:
            raise Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")
        return value

    def time(self, name: str) -> int | None:
        """A time in microseconds; sent as milliseconds or as microseconds."""
        value = self.number(name)
        return value if value is None or value >= MICROS_FROM else value * 1000

    def until(self, name: str) -> int | None:
        """The last microsecond of a time that is included."""
        value = self.number(name)
        return value if value is None or value >= MICROS_FROM else value * 1000 + 999

    def limit(self, usual: int = 500) -> int:
        """The number of rows; more than 1000 are served as 1000."""
        value = self.number("limit")
        if value == 0:
            raise Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
        return usual if value is None else min(value, MOST)

    def interval(self) -> str:
        """A name of ``INTERVALS``; case matters."""
        name = self.values.get("interval")
        if name is None:
            raise missing("interval")
        if name not in INTERVALS:
            raise Refusal(-1120, "Invalid interval.")
        return name

    def zone(self) -> int:
        """Seconds that the bars' clock is ahead of UTC, from -12 to +14 hours."""
        found = ZONE.fullmatch(self.values.get("timeZone", "0").replace(" ", "+"))
        if found:
            seconds = int(found[2]) * 3600 + int(found[3] or 0) * 60
            seconds = -seconds if found[1] == "-" else seconds
            if -12 * 3600 <= seconds <= 14 * 3600 and int(found[3] or 0) < 60:
                return seconds
        raise Refusal(-1130, "Data sent for parameter 'timeZone' is not valid.")

    def _known(self, name: str) -> str:
        if not LEGAL.fullmatch(name):
            raise Refusal(
                -1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."
            )
        if name != self.listed:
            raise Refusal(-1121, "Invalid symbol.")
        return name


def missing(name: str) -> Refusal:
    """The error for a missing mandatory parameter."""
    return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def _time_unit(request: HttpRequest) -> bool:
    unit = request.headers.get("x-mbx-time-unit", "MILLISECOND").upper()
    if unit not in ("MILLISECOND", "MICROSECOND"):
        raise Refusal(-1130, "Data sent for parameter 'X-MBX-TIME-UNIT' is not valid.")
    return unit == "MICROSECOND"

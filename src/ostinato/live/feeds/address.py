"""Addresses of feeds, as a user writes them: ``binance:BTCUSDT?speed=60``.

A scheme, a colon, what is meant there (a symbol, a file), and options after a question mark.
"""

import ipaddress
import math
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from ...errors import ConfigError, did_you_mean, shortened

LONGEST = 2000  # characters of an address
_symbol = re.compile(r"[A-Z0-9._-]{1,20}").fullmatch


class Scheme(NamedTuple):
    """The options of one kind of address.

    options: names, and what each does in words.
    name: what stands between the colon and the question mark, in words; empty where nothing may.
    """

    name: str
    options: dict[str, str]


SCHEMES = {
    "binance": Scheme(
        "a symbol such as BTCUSDT",
        {
            "rest": "the address of its REST interface",
            "ws": "the address of its websocket",
            "speed": "how fast its clock runs",
        },
    ),
    "file": Scheme("a file", {"speed": "how fast it is replayed", "id": "which of its series"}),
    "stdin": Scheme("", {}),
    "ccxt": Scheme(
        "an exchange and a symbol such as kraken:BTC/USDT",
        {"rest": "another address of binance's REST interface", "ws": "of its websocket"},
    ),
}


class Address(NamedTuple):
    """The parts of an address; ``options`` are as written, and all known to the scheme."""

    scheme: str
    name: str
    options: dict[str, str]


class BinanceAddress(NamedTuple):
    """URLs of an exchange with Binance's protocol, and the symbol.

    speed: seconds of its clock for one of ours; infinite where it goes as fast as it can.
    """

    symbol: str
    rest: str = "https://data-api.binance.vision"
    ws: str = "wss://data-stream.binance.vision"
    speed: float = 1.0


def parse_address(text: str) -> Address:
    """Parse the address of a feed.

    Raises:
        ConfigError: the scheme or an option is unknown, or a part is missing or given twice.
    """
    if len(text) > LONGEST or not text.isprintable():
        raise ConfigError(
            f"the feed {shortened(text)} must be printable and at most {LONGEST} characters long."
        )
    scheme, _, rest = text.partition(":")
    if scheme not in SCHEMES:
        raise ConfigError(
            f"the feed {shortened(text)} must begin with one of {', '.join(f'{one}:' for one in SCHEMES)}, "
            f"as binance:BTCUSDT does.{did_you_mean(scheme, SCHEMES)}"
        )
    name, _, query = rest.partition("?")
    if not name and SCHEMES[scheme].name:
        raise ConfigError(
            f"the feed {shortened(text)} lacks {SCHEMES[scheme].name} after {scheme!r} and a colon."
        )
    if name and not SCHEMES[scheme].name:
        raise ConfigError(f"the feed {shortened(text)} has no name after its colon; write {scheme}: alone.")
    return Address(scheme, name, _options(scheme, query))


def _options(scheme: str, query: str) -> dict[str, str]:
    known = SCHEMES[scheme].options
    options: dict[str, str] = {}
    for part in query.split("&") if query else ():
        pairs = parse_qsl(part, keep_blank_values=True)
        name, value = pairs[0] if len(pairs) == 1 else (part, "")
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise ConfigError(
                f"a {scheme} feed has no option {shortened(name)}; it has {allowed}.{did_you_mean(name, known)}"
            )
        if name in options or not value:
            problem = "is given twice" if name in options else "has no value"
            raise ConfigError(f"the option {name} of a {scheme} feed {problem}; write {name}=VALUE once.")
        options[name] = value
    return options


def binance_address(address: Address) -> BinanceAddress:
    """Parse and check a binance address, with defaults filled in.

    Raises:
        ConfigError: a symbol, URL or speed cannot be right; or one without encryption leads beyond this machine.
    """
    symbol = address.name.upper()
    if not _symbol(symbol):
        raise ConfigError(
            f"the symbol {shortened(address.name)} must be 1 to 20 letters and digits, as in BTCUSDT."
        )
    options = address.options
    default = BinanceAddress(symbol)
    return BinanceAddress(
        symbol,
        check_url("rest", options.get("rest", default.rest), "http"),
        check_url("ws", options.get("ws", default.ws), "ws"),
        speed_of(options.get("speed", "1")),
    )


def speed_of(text: str) -> float:
    """Speed of a clock: a number above 0, at most a million; infinite for "max".

    Raises:
        ConfigError: it is not that.
    """
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 < speed <= 1e6:
        raise ConfigError(f"speed={shortened(text)} must be a number above 0, at most 1,000,000, or max.")
    return speed


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by a literal name, so that nobody can intercept."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(option: str, text: str, scheme: str) -> str:
    """Check a network address; return it without a trailing slash.

    Args:
        option: what it is for, in messages.
        scheme: "http" or "ws"; with an s, or on this machine without.

    Raises:
        ConfigError: it is none, or leads beyond this machine without encryption.
    """

    def wrong(why: str) -> ConfigError:
        return ConfigError(f"{option}={shortened(text)} {why}.")

    example = f"{scheme}s://HOST or {scheme}://127.0.0.1:9000"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong(f"is no address; write {example}") from None
    if parts.scheme not in (scheme, f"{scheme}s") or not host:
        raise wrong(f"is no address; write {example}")
    if parts.username is not None or parts.query or parts.fragment:
        raise wrong("may hold a host, a port and a path, nothing else")
    if parts.scheme == scheme and not is_loopback(host):
        raise wrong(f"is not encrypted and leads beyond this machine; write {scheme}s://")
    return text.rstrip("/")

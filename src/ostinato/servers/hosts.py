"""Checks of the Host and Origin headers: to which host a request was sent, and from which page.

A web page anywhere may send requests to loopback. The Host header distinguishes a name that was rebound
to 127.0.0.1 (DNS rebinding) from our own, and the Origin header a page of another site from our own.

Source:
    RFC 9110, section 7.2 (Host); RFC 6454, section 7 (Origin).
"""

import ipaddress
import re

LONGEST = 255  # characters of a name
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,255}))(?::([0-9]{1,5}))?").fullmatch


def is_loopback(host: str) -> bool:
    """Whether an address, or the name localhost, is this machine's own.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    address = address_of(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is written as; None where it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def host_name(headers: list[str]) -> str | None:
    """The name in the Host headers of a request, in lower case and without its port; None unless there is one, whole.

    >>> host_name(["LOCALHOST:8765"]), host_name(["[::1]:80"]), host_name(["localhost#a"]), host_name([])
    ('localhost', '::1', None, None)
    """
    found = _HOST(headers[0]) if len(headers) == 1 and len(headers[0]) <= LONGEST + 8 else None
    if found is None or int(found[3] or 0) > 65535:
        return None
    return (found[1] or found[2]).lower()


def same_origin(origins: list[str], host: str) -> bool:
    """Whether a request comes from a page of the host that it is sent to, or from no page.

    Browsers send an Origin with every websocket and with every request to another site; other programs send none.

    >>> same_origin(["http://127.0.0.1:80"], "127.0.0.1:80"), same_origin(["http://evil.example"], "127.0.0.1:80")
    (True, False)
    >>> same_origin([], "127.0.0.1:80"), same_origin(["null"], "127.0.0.1:80")
    (True, False)
    """
    if not origins:
        return True
    return len(origins) == 1 and origins[0].lower() in (f"http://{host.lower()}", f"https://{host.lower()}")

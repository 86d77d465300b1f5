"""Notes on redirects. None is followed: the address of an exchange is the user's choice."""

from urllib.parse import urlsplit

from ...errors import shortened


def redirect_words(where: str, status: int, location: str | None) -> str:
    """Describe a redirect; only the host of its target, since the rest may be long or secret.

    >>> redirect_words("api.example", 302, "https://other.example/x?key=1")
    "api.example answers by HTTP 302, a redirect to 'https://other.example' that is not followed"
    >>> redirect_words("api.example", 302, "//[::1")
    'api.example answers by HTTP 302, a redirect to what is no address that is not followed'
    >>> redirect_words("api.example", 308, None)
    'api.example answers by HTTP 308, a redirect that is not followed'
    """
    target = _origin(location)
    return f"{where} answers by HTTP {status}, a redirect{target} that is not followed"


def _origin(location: str | None) -> str:
    if not location:
        return ""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return " to what is no address"
    if not host:
        return " to another path"
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    return f" to {shortened(f'{scheme}//{host}' + (f':{port}' if port else ''))}"

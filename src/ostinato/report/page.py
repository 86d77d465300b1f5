"""The page: one self-contained file that sends nothing anywhere."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from .. import __version__
from ..errors import ConfigError
from .figures import Figure
from .html import Content, Markup, element, escaped, joined


@dataclass(frozen=True)
class Section:
    """A heading and what follows it. ``key`` is its id on the page."""

    key: str
    title: str
    body: tuple[Content | Figure, ...]

    def markup(self) -> Markup:
        """The section; figures are numbered within it."""
        parts = [
            part.markup(f"{self.key}-{place}") if isinstance(part, Figure) else part
            for place, part in enumerate(self.body)
        ]
        return element("section", element("h2", self.title), *parts, id=self.key)


def page(title: str, lead: Content, sections: list[Section]) -> bytes:
    """The whole file.

    What may run is named by its hash and nothing may be fetched, so that even markup that slipped through could do
    neither.

    Raises:
        ConfigError: plotly is not installed.
    """
    links = [element("li", element("a", part.title, href=f"#{part.key}")) for part in sections]
    body = element(
        "main",
        lead,
        element("nav", element("ul", *links), aria_label="Sections"),
        *(part.markup() for part in sections),
        element("footer", element("p", f"Written by ostinato {__version__}. Times are UTC.")),
        id="content",
    )
    scripts = [plotly_js(), _asset("page.js")]
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {' '.join(_hashes(scripts))}"
    head = joined(
        element("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        Markup(f"<style>\n{_asset('page.css')}</style>"),
    )
    skip = element("a", "To the content", href="#content", class_="skip")
    run = joined(*(Markup(f"<script>{script}</script>\n") for script in scripts))
    start = f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>{skip}'
    return f"{start}{escaped(body)}\n{run}</body>\n</html>\n".encode()


@cache
def plotly_js() -> str:
    """plotly.js, from the package plotly.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise ConfigError("a report needs the package plotly: pip install 'ostinato[report]'.") from None
    text = str(get_plotlyjs())
    assert "</script" not in text
    assert "<!--" not in text
    return text


@cache
def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text("utf-8")


def _hashes(scripts: list[str]) -> Iterator[str]:
    for script in scripts:
        # a browser reads \r\n and \r as \n before it takes the hash
        whole = script.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8")
        yield f"'sha256-{base64.b64encode(hashlib.sha256(whole).digest()).decode()}'"

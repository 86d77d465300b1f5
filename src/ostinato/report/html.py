"""HTML that is safe by construction: only what `element` made is markup, all other text is escaped.

A run folder may come from a stranger, and so may every name, note and number in it.
"""

import html
import re

TAG = re.compile(r"[a-z][a-z0-9]*")
VOID = ("br", "col", "hr", "meta")


class Markup(str):
    """Text that is HTML already. Made by this file, and of constants."""

    __slots__ = ()


Content = Markup | str | None


def escaped(content: Content) -> Markup:
    """Markup as it is, other text with nothing left in it that HTML understands; None is nothing."""
    if isinstance(content, Markup):
        return content
    return Markup("" if content is None else html.escape(_visible(content)))


def element(name: str, /, *children: Content, **attributes: str | bool | None) -> Markup:
    """One element. Of attributes, ``class_`` is class and ``data_x`` is data-x; None and False are left out.

    >>> element("p", "a < b ", element("b", "bold"), class_="note")
    '<p class="note">a &lt; b <b>bold</b></p>'
    """
    assert TAG.fullmatch(name)
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: Content) -> Markup:
    """One after the other."""
    return Markup("".join(escaped(child) for child in children))


def plot_text(text: str, most: int = 60) -> str:
    """Text for plotly.js, which reads tags and entities in all that it shows."""
    short = text if len(text) <= most else text[: most - 1] + "…"
    return html.escape(_visible(short), quote=False)


def _attribute(key: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(_visible(value))}"'


def _visible(text: str) -> str:
    """Without characters that HTML forbids, or that turn the direction of what follows."""
    return "".join(c if c.isprintable() or c in "\n\t\xa0" else "\N{REPLACEMENT CHARACTER}" for c in text)

"""Examples in docstrings as code: Markdown takes the >>> that begin them for three quotations in one another."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

EXAMPLE = re.compile(r"^([ \t]*)>>> .*(?:\n(?![ \t]*$).+)*", re.MULTILINE)


class Examples(Extension):
    """A fence around each, from its first line to the blank one after it."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Of whatever has a docstring."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """The examples in fences, as deeply indented as they are."""
    return EXAMPLE.sub(r"\1```pycon\n\g<0>\n\1```", text)

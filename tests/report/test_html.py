"""Text from files is text on the page, whatever it is."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.report.figures import json_in_html
from ostinato.report.html import Markup, element, plot_text


class Reader(HTMLParser):
    """Python's own parser: tags and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


def parsed(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


# what a browser may show: no controls, no surrogates
printable = st.text(st.characters(exclude_categories=("C", "Z"), include_characters="<>&\"' "), min_size=1)


@settings(deadline=None)
@given(text=printable, title=printable)
def test_text_and_attributes_come_out_as_they_went_in(text, title):
    found = parsed(element("p", text, title=title))
    assert found.tags == ["p"]
    assert "".join(found.texts) == text
    assert found.attributes == [("title", title)]


@settings(deadline=None)
@given(st.text())
def test_any_text_at_all_makes_no_element(text):
    assert parsed(element("p", element("b", text))).tags == ["p", "b"]


def test_characters_that_turn_text_around_are_shown_as_missing():
    assert element("p", "a\u202eb\x00c") == "<p>a\ufffdb\ufffdc</p>"


def test_markup_is_kept_and_none_is_nothing():
    assert element("p", Markup("<b>x</b>"), None, hidden=True, id=None) == "<p hidden><b>x</b></p>"


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--<script>", "\u2028", "&lt;"])
def test_json_cannot_leave_its_script(text):
    made = json_in_html({"name": text, "numbers": [float("nan"), 1.0]})
    assert not set(made) & set("<>&\u2028")
    assert json.loads(made) == {"name": text, "numbers": [None, 1.0]}


def test_plots_are_given_no_tags():
    assert (
        plot_text('<a href="javascript:alert(1)">x</a>') == '&lt;a href="javascript:alert(1)"&gt;x&lt;/a&gt;'
    )
    assert len(plot_text("x" * 1000)) == 60

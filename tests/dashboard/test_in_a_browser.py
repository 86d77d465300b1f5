"""The page in a real browser: it moves, it turns grey, it survives, it complains of nothing.

Pictures are kept in build/screenshots, or in the folder that OSTINATO_SCREENSHOTS names.
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import forkserver
from dashboard.conftest import serving, until
from dashboard.stores import Writer, direction_head, values_head
from report.browser import Browser, found

SCREENSHOTS = Path(
    os.environ.get("OSTINATO_SCREENSHOTS") or Path(__file__).parents[2] / "build" / "screenshots"
)
EVIL = "<img src=x onerror=window.stranger=1>\u202e'\"&amp;{}"


@pytest.fixture(scope="module")
def browser():
    program = found()
    if program is None:
        pytest.skip("no Chromium was found: install chromium, or set CHROME to it, to see pages in a browser")
    with Browser(program) as one:
        yield one


def visit(browser, address, width=1200, scheme="light"):
    """Open an address and wait until the price is drawn."""
    browser.size(width, 4000)  # tall, so that every chart is seen and drawn
    browser.scheme(scheme)
    browser("Page.navigate", url="about:blank")  # the page before tries to reach its server, and complains
    until(lambda: browser.js("location.href") == "about:blank")
    browser.events.clear()
    browser("Page.navigate", url=address)
    drawn = "document.querySelectorAll('.plot[data-drawings]').length === 5"
    until(lambda: browser.js("document.readyState") == "complete" and browser.js(drawn))


def picture(browser, name, width):
    """The whole page, and nothing below it."""
    bottom = browser.js("Math.ceil(document.querySelector('main').getBoundingClientRect().bottom + scrollY)")
    browser.size(width, bottom)
    time.sleep(0.6)  # plots follow the window
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    browser.picture(SCREENSHOTS / f"dashboard-{name}.png")


def points(browser):
    return browser.js("Number(document.getElementById('price').dataset.points)")


def last_x(browser):
    return browser.js("document.getElementById('price').data.at(-1).x.at(-1)")


def colour(browser):
    return browser.js("getComputedStyle(document.getElementById('now-value')).color")


def test_the_chart_moves(browser, writer):
    with serving(writer.path) as client:
        visit(browser, str(client.base_url))
        before, said, x = (
            points(browser),
            browser.js("document.getElementById('now-value').textContent"),
            last_x(browser),
        )
        writer.run(40)
        until(lambda: last_x(browser) > x)
        until(lambda: points(browser) > before)
        until(lambda: browser.js("document.getElementById('now-value').textContent") != said)
        assert browser.js("document.getElementById('banner').className") == "banner live"
        assert browser.complaints() == []
        assert all(url.startswith((str(client.base_url), "data:")) for url in browser.requests())


def test_zoom_survives_what_comes_in(browser, writer):
    with serving(writer.path) as client:
        visit(browser, str(client.base_url))
        there = "document.getElementById('price').data.at(-1).x[50]"
        browser.js(f"Plotly.relayout('price', {{'xaxis.range[0]': {there}}}).then(() => 0)")
        left = browser.js("String(document.getElementById('price').layout.xaxis.range[0])")
        x = last_x(browser)
        writer.run(40)
        until(lambda: last_x(browser) > x)
        assert browser.js("String(document.getElementById('price').layout.xaxis.range[0])") == left


def test_stale_turns_grey_and_live_again(browser, writer):
    with serving(writer.path) as client:
        visit(browser, str(client.base_url))
        live = colour(browser)
        now = time.time()
        writer.health(last_received=now - 45)
        until(lambda: browser.js("document.documentElement.className") == "grey")
        assert "stale" in browser.js("document.getElementById('banner').textContent").lower()
        assert colour(browser) != live
        until(lambda: browser.js("document.getElementById('latency').data[0].marker.color") == "#8a8f99")
        picture(browser, "stale-light-1200", 1200)
        writer.health(time=now - 60, last_received=now - 60, stale_after=9e9)  # an engine that died
        until(lambda: "said nothing" in browser.js("document.getElementById('banner').textContent"))
        assert browser.js("document.documentElement.className") == "grey"
        writer.health()
        until(lambda: browser.js("document.documentElement.className") == "")
        assert colour(browser) == live
        assert browser.complaints() == []


def test_age_counts_on_though_nothing_is_written(browser, writer):
    with serving(writer.path) as client:
        writer.health(stale_after=2.0)
        visit(browser, str(client.base_url))
        until(lambda: browser.js("document.documentElement.className") == "grey")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_a_server_that_was_killed_and_a_reload(browser, writer):
    command = [sys.executable, "-m", "ostinato.dashboard", str(writer.path), "--port", str(free_port())]
    first = forkserver.Popen(command, stdout=subprocess.PIPE, text=True)
    address = first.stdout.readline().strip()
    visit(browser, address)
    first.kill()
    first.communicate(timeout=20)
    until(lambda: "connection" in browser.js("document.getElementById('banner').textContent"))
    assert browser.js("document.documentElement.className") == "grey"
    writer.run(30)
    writer.health()
    x = last_x(browser)
    second = forkserver.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert second.stdout.readline().strip() == address
        until(lambda: browser.js("document.documentElement.className") == "")
        until(lambda: last_x(browser) > x)
        visit(browser, address)
        assert browser.complaints() == []
    finally:
        second.terminate()
        second.communicate(timeout=20)


# every pair of two of the three runs always
@pytest.mark.parametrize(
    ("kind", "width", "scheme"),
    [
        ("direction", 1200, "light"),
        ("direction", 390, "dark"),
        ("values", 1200, "dark"),
        ("values", 390, "light"),
        pytest.param("direction", 1200, "dark", marks=pytest.mark.slow),
        pytest.param("direction", 390, "light", marks=pytest.mark.slow),
        pytest.param("values", 1200, "light", marks=pytest.mark.slow),
        pytest.param("values", 390, "dark", marks=pytest.mark.slow),
    ],
)
def test_it_reads_well(browser, tmp_path, kind, width, scheme):
    head, apart = (direction_head(), 0.5) if kind == "direction" else (values_head(), 60.0)
    writer = Writer(tmp_path / f"{kind}.sqlite", head, start=time.time() - 1500 * apart, apart=apart)
    writer.run(1500, group=500)
    writer.gap()
    writer.gap("unfillable", "the exchange no longer has these trades", "silence")
    writer.note("no data for 31 s although pings came: connected anew")
    writer.health(problem="the connection was closed (1006); tried again in 0.7 s")
    with serving(writer.path) as client:
        visit(browser, str(client.base_url), width, scheme)
        until(
            lambda: (
                browser.js("document.querySelectorAll('#scores tbody tr').length") == 1 + len(head.baselines)
            )
        )
        assert browser.js("document.documentElement.scrollWidth") <= width
        right = "Math.max(0, ...[...document.querySelectorAll('.main-svg')].map(s => s.getBoundingClientRect().right))"
        assert browser.js(right) <= width
        assert browser.js("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 31)"
        )
        assert browser.js("[...document.querySelectorAll('.plot')].every(p => document.getElementById("
                          "p.getAttribute('aria-describedby')).textContent.length > 15)")  # fmt: skip
        picture(browser, f"{kind}-{scheme}-{width}", width)
        assert browser.complaints() == []
    writer.close()


def test_an_ended_run_is_shown_as_ended(browser, writer):
    writer.health(state="ended", time=time.time() - 9e5, last_received=time.time() - 9e5)
    with serving(writer.path) as client:
        visit(browser, str(client.base_url))
        assert browser.js("document.getElementById('banner').className") == "banner ended"
        assert browser.js("document.documentElement.className") == ""
        assert browser.complaints() == []


def test_hostile_text_is_text(browser, tmp_path):
    head = direction_head(
        feed=EVIL.replace("\u202e", ""), baselines=("<b>x</b>", "sign_table", "<script>1</script>")
    )
    writer = Writer(tmp_path / "evil.sqlite", head)
    writer.run(60)
    writer.note(EVIL, EVIL)
    writer.gap(EVIL, EVIL, EVIL)
    writer.health(problem=EVIL, feed=EVIL)
    with serving(writer.path) as client:
        visit(browser, str(client.base_url))
        until(lambda: browser.js("document.getElementById('notes').textContent").count("onerror") == 2)
        assert browser.js("window.stranger") is None
        assert (
            browser.js("document.querySelectorAll('main img, main b, main script, main [onerror]').length")
            == 0
        )
        assert browser.complaints() == []
    writer.close()


LINK = "<a href='https://evil.example/'>here</a>"


@pytest.mark.parametrize("kind", ["direction", "values"])
def test_text_of_data_is_text_in_charts_too(browser, tmp_path, kind):
    """plotly.js makes links, bold and subscripts of what it is told; names of columns come from anybody's data."""
    names = {
        "columns": (LINK, f"{LINK}&lt;b&gt;b&lt;/b&gt;"),
        "feed": LINK,
        "measure": f"<b>{LINK}</b>",
        "run": LINK,
    }
    if kind == "direction":
        head = direction_head(**names, baselines=(LINK, f"<sub>{LINK}</sub>", "base_rate"))
    else:
        outputs = tuple(f"{LINK}{number}" for number, _ in enumerate(values_head().outputs))
        head = values_head(
            **names | {"columns": (LINK, *values_head().columns[1:])}, target=LINK, outputs=outputs
        )
    writer = Writer(tmp_path / "links.sqlite", head, apart=60.0)
    writer.run(60)
    writer.note(LINK, LINK)
    writer.gap(LINK, LINK, LINK)
    writer.health(problem=LINK, training=LINK)
    with serving(writer.path) as client:
        visit(browser, str(client.base_url))
        for chart in ("price", "stream", "skill"):
            browser.js(f"Plotly.Fx.hover('{chart}', [{{curveNumber: 0, pointNumber: 3}}]) || 0")
        time.sleep(0.3)
        assert (
            browser.js(
                "document.querySelectorAll('main a, main img, main b, main sub, svg a, svg image').length"
            )
            == 0
        )
        assert (
            browser.js("[...document.querySelectorAll('svg tspan')].filter(t => t.style.fontWeight).length")
            == 0
        )
        assert "<a href=" in browser.js("document.getElementById('price').textContent")
        picture(browser, f"links-{kind}", 1200)
        assert browser.complaints() == []
    writer.close()


def test_a_token_leaves_the_address(browser, writer):
    token = "a-token-of-this-test-0123"
    with serving(writer.path, token=token) as client:
        visit(browser, f"{client.base_url}?token={token}")
        assert "token" not in browser.js("location.href")
        visit(browser, str(client.base_url))  # by the cookie
        assert browser.complaints() == []


def test_another_range_is_shown_when_asked_for(browser, writer):
    with serving(writer.path) as client:
        visit(browser, str(client.base_url))
        before = points(browser)
        browser.js(
            "[...document.querySelectorAll('#ranges button')].find(b => b.textContent === '6 hours').click()"
        )
        until(lambda: points(browser) < before)
        assert browser.js("location.search") == "?range=6h"
        assert browser.js("document.querySelectorAll('#ranges [aria-pressed=true]').length") == 1
        assert browser.complaints() == []


def test_without_plotly_the_page_says_so(browser, writer, monkeypatch):
    from ostinato.dashboard import assets

    assets.page.cache_clear()
    monkeypatch.setattr(assets, "plotly", lambda: None)
    try:
        with serving(writer.path) as client:
            browser("Page.navigate", url=str(client.base_url))
            until(lambda: browser.js("document.querySelectorAll('.plot .absent').length") == 5)
            until(lambda: browser.js("document.getElementById('now-value').textContent.length") > 3)
    finally:
        monkeypatch.undo()
        assets.page.cache_clear()

"""The pages in a real browser: offline, without complaint, on a phone, in the dark and on paper."""

import re
import zlib

import pytest

from report.browser import Browser, found

PLOTS = {"return": 8, "direction": 7, "paths": 11, "series": 9, "nothing": 0, "compared": 1}


@pytest.fixture(scope="module")
def browser():
    program = found()
    if program is None:
        pytest.skip("no Chromium was found: install chromium, or set CHROME to it, to see pages in a browser")
    with Browser(program) as one:
        yield one


@pytest.mark.parametrize("kind", PLOTS)
def test_a_page_is_whole(browser, pages, kind):
    page = pages[kind] / "report.html"
    browser.open(page, width=390)
    assert browser.complaints() == []
    assert browser.requests() == [page.resolve().as_uri()]
    plots = browser.js("document.querySelectorAll('.plot').length")
    assert plots == PLOTS[kind]
    drawn = (
        "[...document.querySelectorAll('.plot')].filter(p => p.querySelector('.xaxislayer-above *')).length"
    )
    assert browser.js(drawn) == plots
    assert browser.js("document.documentElement.scrollWidth") <= 390
    right = "Math.max(0, ...[...document.querySelectorAll('.main-svg')].map(s => s.getBoundingClientRect().right))"
    assert browser.js(right) <= 390
    described = (
        "[...document.querySelectorAll('[role=img]')].every("
        "plot => document.getElementById(plot.getAttribute('aria-describedby')).textContent.length > 40)"
    )
    assert browser.js(described)


def test_plots_follow_the_scheme(browser, pages):
    ink = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    browser.open(pages["return"] / "report.html", width=900)
    light = browser.js(ink)
    browser.scheme("dark")
    browser.js("new Promise(done => setTimeout(done, 500))")
    assert browser.js(ink) != light
    assert browser.js("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 31)"


def test_plots_follow_the_window(browser, pages):
    width = "document.querySelector('.main-svg').getBoundingClientRect().width"
    browser.open(pages["return"] / "report.html", width=900)
    before = browser.js(width)
    browser.size(500)
    browser.js("new Promise(done => setTimeout(done, 800))")
    assert browser.js(width) < 500 < before


def test_paper_is_light_and_plots_fit(browser, pages, tmp_path):
    browser.open(pages["return"] / "report.html", width=390, scheme="dark")
    browser.js(
        "addEventListener('beforeprint', () => { "
        "window.seen = [document.querySelector('.main-svg').getBoundingClientRect().width, "
        "getComputedStyle(document.querySelector('.plot .xtick text')).fill] }), 0"
    )
    browser.printed(tmp_path / "page.pdf")
    data = (tmp_path / "page.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", data + _unpacked(data))) <= 20
    width, ink = browser.js("window.seen")
    assert ink == "rgb(89, 99, 122)"  # --soft of the light scheme
    assert 600 < width <= 680


def test_hostile_names_run_nothing(browser, make):
    from ostinato.report import write_report
    from report.test_pages import EVIL

    page = write_report(make.run("run", model=EVIL[:190], data={"target": EVIL}, read=(EVIL,)))
    browser.open(page)
    assert browser.complaints() == []
    assert browser.js("document.querySelectorAll('img, a[href^=javascript]').length") == 0


def test_a_script_that_is_not_ours_is_stopped(browser, pages, tmp_path):
    page = tmp_path / "page.html"
    whole = (pages["nothing"] / "report.html").read_text()
    page.write_text(whole.replace("</body>", "<script>window.stranger = 1</script></body>"))
    browser.open(page)
    assert browser.js("window.stranger") is None
    assert any("Content Security Policy" in line for line in browser.complaints())


def _unpacked(data: bytes) -> bytes:
    out = b""
    for piece in re.findall(rb"stream\r?\n(.*?)endstream", data, flags=re.DOTALL):
        try:
            out += zlib.decompressobj().decompress(piece)
        except zlib.error:
            continue
    return out

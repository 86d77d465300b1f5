"""Whole pages: what they say, what they say in place of what is missing, and what they refuse."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from ostinato.cli import main
from ostinato.errors import BrokenRunError, ConfigError, RunError
from ostinato.report import write_report
from ostinato.report.page import plotly_js
from ostinato.runs.comparison import ComparedModel
from report.conftest import START, direction_frame, value_frame
from report.test_html import parsed

GOLDEN = Path(__file__).parents[1] / "runs" / "golden" / "format-1"
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def text_of(page: Path) -> str:
    """What a reader sees, on one line."""
    whole = page.read_text("utf-8")
    body = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", whole, flags=re.DOTALL)
    return re.sub(r"\s+", " ", " ".join(parsed(body).texts))


def test_a_run_says_first_whether_it_is_any_good(make):
    said = text_of(write_report(make.run("chance", value_frame(300), p=0.5)))
    assert "lstm is no better than naive at the 1 % level" in said
    assert said.index("no better than naive") < said.index("Input data")
    assert "lstm beats naive, the best baseline" in text_of(write_report(make.run("good", p=1e-4)))
    assert "lstm is worse than naive" in text_of(write_report(make.run("bad", p=1e-4, ours=0.6)))


def test_the_table_is_sorted_and_speaks(make):
    page = write_report(make.run("run")).read_text()
    rows = re.findall(r'<tr[^>]*><th scope="row">(\w+).*?</tr>', page.split('id="scores"')[1])
    assert rows[:3] == ["lstm", "naive", "drift"]
    said = text_of(make.home / "run" / "report.html")
    assert "cannot be told apart" in said
    assert "model is better" in said
    assert "nan" not in said.lower().replace("nanfang", "")
    assert "14.29 %" in said  # 1 - 0.30 / 0.35
    assert "Baselines: drift (of all <rows>)." in said


def test_every_section_of_a_full_run(pages):
    said = text_of(pages["paths"] / "report.html")
    for heading in (
        "Input data", "Data split", "Loss by epoch", "Model and baselines", "paths of 12 rows", "the last 200 rows",
        "the whole test part", "by steps ahead", "by hour of the day", "by day of the week", "Coverage by level",
        "Where values fell", "Autocorrelation of the errors", "What the metrics are", "To do it again",
    ):  # fmt: skip
        assert heading in said, heading
    assert "ostinato fit forecast data.csv --target load --horizon 12 --model lstm --seed 7 --out RUN" in said
    assert "Skill is not profit" not in said
    assert "Skill is not profit" in text_of(pages["return"] / "report.html")
    assert "Probabilities by what happened" in text_of(pages["direction"] / "report.html")
    assert "Reliability" in text_of(pages["direction"] / "report.html")
    assert "by series" in text_of(pages["series"] / "report.html")


def test_what_is_missing_is_said(pages):
    said = text_of(pages["nothing"] / "report.html")
    for sentence in (
        "this run is not finished",
        "does not say which rows were trained",
        "There are no learning curves",
        "There is no table",
        "There are no forecasts to draw",
    ):
        assert sentence in said


def test_an_old_run_is_shown(tmp_path):
    run = shutil.copytree(GOLDEN, tmp_path / "run")
    said = text_of(write_report(run))
    assert "lstm cannot be judged: all rows that were scored are of one class." in said  # its AUC is null
    assert "does not say what happened" in said


def test_a_point_forecast_promises_no_coverage(make):
    frame = value_frame(300).select("row", "time", "id", "horizon", "actual", "q50")
    said = text_of(write_report(make.run("run", frame, measure="mse")))
    assert "promise no coverage" in said
    assert "Squared error by hour" in said


@pytest.mark.parametrize("change", ["empty", "unknown", "huge", "dated", "duration", "one", "flat"])
def test_odd_forecasts_make_a_page(make, change):
    frame = value_frame(300)
    if change == "empty":
        frame = frame.head(0)
    if change == "one":
        frame = frame.head(1)
    if change == "unknown":
        frame = frame.with_columns(actual=pl.lit(None, pl.Float64))
    if change == "huge":
        frame = frame.with_columns(
            actual=pl.lit(-1.7e308), q90=pl.lit(1.7e308), time=pl.lit(1e300), row=pl.lit(2**62)
        )
    if change == "dated":
        frame = frame.with_columns(pl.from_epoch(pl.col("time").cast(pl.Int64)).alias("time"))
    if change == "duration":
        frame = frame.with_columns(pl.col("time").cast(pl.Int64).cast(pl.Duration("us")))
    if change == "flat":
        frame = frame.with_columns(actual=pl.lit(0.5))
    said = text_of(write_report(make.run("run", frame)))
    assert ("the last" in said) == (change != "empty")
    if change == "dated":
        assert "by hour of the day" in said


def test_names_from_outside_are_never_markup(make):
    frame = value_frame(250, series=2).with_columns(id=pl.lit(EVIL) + pl.col("id"), column=pl.lit(EVIL))
    data = {"target": EVIL, "source": EVIL, "id": EVIL, "kind": EVIL, "digest": EVIL}
    page = write_report(make.run("run", frame, model=EVIL[:190], data=data, read=(EVIL,)))
    whole = page.read_text("utf-8")
    found = parsed(re.sub(r"<style>.*?</style>", "", whole, flags=re.DOTALL))
    assert "img" not in found.tags
    assert not [value for key, value in found.attributes if key.startswith("on")]
    assert whole.count("<script") == whole.count('<script type="application/json"') + 2
    assert "alert(1)" in whole  # it is shown


def test_names_of_a_comparison_are_never_markup(make):
    models = {EVIL: ComparedModel(test={"pinball": 0.1}, verdict=EVIL), "b": ComparedModel(failed=EVIL)}
    path = make.comparison("c", models=models, source=EVIL, target=EVIL, loss_name=EVIL, read=[EVIL])
    whole = write_report(path).read_text("utf-8")
    assert "img" not in parsed(whole).tags
    assert whole.count("<script") == whole.count('<script type="application/json"') + 2


def test_only_our_scripts_may_run_and_nothing_is_fetched(pages):
    whole = (pages["return"] / "report.html").read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', whole)[1]
    assert "default-src 'none'" in policy
    scripts = re.findall(r"<script>(.*?)</script>", whole, flags=re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert len(whole.encode()) < 6_000_000
    assert not re.search(r"<(link|img|iframe)|src=|@import|url\(", whole.replace(plotly_js(), ""))


def test_what_is_broken_is_refused_in_a_sentence(make, tmp_path):
    with pytest.raises(BrokenRunError, match="no run and no comparison in"):
        write_report(tmp_path / "nowhere")
    run = make.run("run", value_frame(30))
    (run / "predictions.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(BrokenRunError, match=r"predictions\.parquet is not usable parquet"):
        write_report(run)
    odd = make.run("odd", direction_frame(30).with_columns(actual=pl.lit(0.3)))
    with pytest.raises(BrokenRunError, match="actual must be 0 or 1"):
        write_report(odd)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "compare.json").write_text("{}")
    with pytest.raises(BrokenRunError, match="missing"):
        write_report(tmp_path / "c")


def test_without_plotly_one_sentence(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    plotly_js.cache_clear()
    with pytest.raises(ConfigError, match=r"pip install 'ostinato\[report\]'"):
        write_report(make.run("run"))
    plotly_js.cache_clear()


def test_no_torch_is_loaded(pages, tmp_path):
    code = (
        "import sys; from ostinato.report import write_report; "
        f"[write_report(path, {str(tmp_path / 'x.html')!r}) for path in sys.argv[1:]]; "
        "assert 'torch' not in sys.modules"
    )
    paths = [str(pages["return"]), str(pages["compared"])]
    subprocess.run([sys.executable, "-W", "error", "-c", code, *paths], check=True, timeout=120)


def test_a_comparison_says_who_wins_and_links_to_pages_that_are_there(make):
    path = make.comparison("c")
    said = text_of(write_report(path))
    assert "None" not in said
    assert (
        "lstm is not better than naive, the best baseline, at the 1 % level after the correction for 2"
        in said
    )
    assert "gru failed: the loss became NaN." in said
    assert "Baselines: linear regression (the last 336 rows)." in said
    assert "0.2000 – 0.3000" in said
    assert "href" not in (path / "report.html").read_text().split("<tbody>")[1].split("</tbody>")[0]
    RUN = make.run("c/lstm")
    write_report(RUN)
    assert 'href="lstm/report.html"' in write_report(path).read_text()
    assert "lstm beats naive" in text_of(write_report(make.comparison("d", winner=True)))


def test_folds_are_shown_beside_the_best_baseline(make):
    model = ComparedModel(test={"pinball": 0.3}, runs=["lstm-1", "lstm-2", "gone"])
    path = make.comparison("c", models={"lstm": model}, folds=3)
    make.run("c/lstm-1", ours=0.2)
    make.run("c/lstm-2", ours=0.4)
    whole = write_report(path).read_text()
    figures = [json.loads(text) for text in re.findall(r'data-plot="folds-1">(.*?)</script>', whole)]
    ours, baseline = figures[0]["data"]
    assert (ours["name"], ours["y"]) == ("lstm", [0.2, 0.4, None])
    assert (baseline["name"], baseline["y"]) == ("naive", [0.35, 0.35, None])


def test_the_command_says_where_the_page_is(make, monkeypatch, capsys, tmp_path):
    run, out = make.run("run"), tmp_path / "page.html"
    monkeypatch.setattr(sys, "argv", ["ostinato", "report", str(run), "--out", str(out)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert out.read_text().startswith("<!doctype html>")
    assert not (run / "report.html").exists()
    with pytest.raises(RunError, match="cannot write"):
        write_report(run, tmp_path / "no" / "page.html")
    assert START

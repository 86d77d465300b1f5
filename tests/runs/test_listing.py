"""Listing runs never raises, whatever lies in the folder."""

import os
from pathlib import Path

import pytest

from ostinato.runs import RunFolder, list_runs, write_config, write_results


@pytest.fixture
def make(tmp_path, config):
    def make(name, **changes):
        folder = RunFolder.create(tmp_path / name)
        write_config(folder.config, config.model_copy(update=changes))
        return folder

    return make


def test_a_finished_run(make, tmp_path, results):
    folder = make("first")
    write_results(folder.metrics, results)
    (run,) = list_runs(tmp_path)
    assert (run.name, run.task, run.model, run.created) == (
        "first",
        "forecast",
        "lstm",
        "2026-01-31T12:00:00+00:00",
    )
    assert run.path == folder.path
    assert run.test == {"log_loss": 0.6, "auc": None}
    assert run.broken is None


def test_two_levels_and_no_deeper_the_oldest_first(make, tmp_path):
    make("b", created="2026-01-02T00:00:00Z")
    make("comparison/a", created="2026-01-01T00:00:00Z")
    make("comparison/too/deep")
    make("b/inside a run")
    make(".hidden")
    (tmp_path / "a file").write_text("")
    assert [run.name for run in list_runs(tmp_path)] == [str(Path("comparison", "a")), "b"]


def test_a_run_itself_is_listed(make):
    folder = make("alone")
    assert [(run.name, run.path) for run in list_runs(folder.path)] == [("alone", folder.path)]


def test_an_unfinished_run_and_a_nameless_model(make, tmp_path):
    make("run", model={"name": 3})
    (run,) = list_runs(str(tmp_path))
    assert (run.test, run.model, run.broken) == (None, "", None)


def test_broken_runs_say_why(make, tmp_path):
    make("1").config.write_bytes(b"\xff")
    make("2").metrics.write_text("{}")
    make("3").metrics.mkdir()
    make("4").config.write_text('{"format_version": 9}')
    assert [run.broken for run in list_runs(tmp_path)] == [
        f"{tmp_path / '1' / 'config.json'} is not UTF-8 text.",
        f"{tmp_path / '2' / 'metrics.json'}: the field test is missing.",
        f"{tmp_path / '3' / 'metrics.json'} is not a file. A run holds plain files only.",
        f"{tmp_path / '4' / 'config.json'} was written by a newer ostinato (format 9, "
        "this one reads up to 1). Upgrade ostinato.",
    ]
    assert all(run.created == run.task == "" for run in list_runs(tmp_path))


def test_no_folder_no_runs(tmp_path):
    (tmp_path / "file").write_text("")
    assert list_runs(tmp_path / "nowhere") == list_runs(tmp_path / "file") == []
    assert list_runs(tmp_path / ("x" * 300)) == []


@pytest.mark.skipif(os.name == "nt", reason="such names and links are impossible on Windows")
def test_names_cannot_drive_the_terminal_and_links_cannot_trap(make, tmp_path):
    make("\x1b[31mred", model={"name": "\x1b]0;title\x07"}).metrics.write_text("[")
    make("green", model={"name": "\x1b[32m"})
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "up").symlink_to(tmp_path)
    runs = {run.name: run for run in list_runs(tmp_path)}
    assert {"?[31mred", "green"} < runs.keys()
    assert runs["green"].model == "?[32m"
    assert "?[31mred/metrics.json is not usable JSON" in runs["?[31mred"].broken

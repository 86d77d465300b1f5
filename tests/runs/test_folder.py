"""Making, replacing and opening a run folder; nobody else's files are ever touched."""

import os

import pytest

from ostinato.errors import BrokenRunError, ConfigError, RunError, RunExistsError
from ostinato.runs import RunFolder
from ostinato.runs.folder import NAMES


@pytest.fixture
def run(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    for name in NAMES:
        (folder.path / name).write_text("old")
    return folder


def names(folder):
    return {path.name for path in folder.path.iterdir()}


def test_every_file_of_a_run_has_a_path(tmp_path):
    folder = RunFolder(tmp_path)
    paths = [
        folder.weights,
        folder.checkpoint,
        folder.log,
        folder.metrics,
        folder.folds,
        folder.baselines,
        folder.predictions,
        folder.report,
        folder.config,
    ]
    assert [str(path.relative_to(tmp_path)) for path in paths] == list(NAMES)


def test_create_makes_the_folders_on_the_way(tmp_path):
    folder = RunFolder.create(tmp_path / "a" / "b")
    assert names(folder) == set()
    assert RunFolder.create(str(folder.path)).path == folder.path  # an empty folder is free


def test_a_run_is_not_overwritten(run):
    with pytest.raises(
        RunExistsError, match=r"run already holds a run. --force replaces it, --resume continues it."
    ):
        RunFolder.create(run.path)
    assert names(run) == set(NAMES)


def test_force_removes_the_files_of_the_run_only(run):
    (run.path / "notes.txt").write_text("mine")
    (run.path / ".weights.safetensors.7.abc.tmp").write_text("left by a killed process")
    (run.path / ".hidden.tmp").write_text("mine")
    RunFolder.create(run.path, force=True)
    assert names(run) == {"notes.txt", ".hidden.tmp"}


def test_force_cut_short_can_be_repeated(run, monkeypatch):
    unlink = type(run.path).unlink

    def killed_at_the_report(path, missing_ok=False):
        if path.name == "report.html":
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    monkeypatch.setattr(type(run.path), "unlink", killed_at_the_report)
    with pytest.raises(KeyboardInterrupt):
        RunFolder.create(run.path, force=True)
    monkeypatch.undo()
    assert "config.json" in names(run)
    assert names(RunFolder.create(run.path, force=True)) == set()


def test_resume_keeps_the_run(run):
    RunFolder.create(run.path, resume=True)
    assert names(run) == set(NAMES)


def test_resume_may_begin(tmp_path):
    (tmp_path / ".config.json.7.abc.tmp").write_text("killed before the first file")
    assert names(RunFolder.create(tmp_path, resume=True)) == set()


def test_force_and_resume_exclude_each_other(run):
    with pytest.raises(
        ConfigError, match=r"force replaces a run and resume continues it. Choose one of them."
    ):
        RunFolder.create(run.path, force=True, resume=True)


@pytest.mark.parametrize("options", [{}, {"force": True}, {"resume": True}])
def test_what_is_no_run_is_never_touched(tmp_path, options):
    (tmp_path / "weights.safetensors").write_text("somebody's")
    with pytest.raises(
        RunError, match=r"is not empty and holds no run: config.json is missing. Choose another folder."
    ):
        RunFolder.create(tmp_path, **options)
    assert (tmp_path / "weights.safetensors").read_text() == "somebody's"


@pytest.mark.parametrize("name", ["weights.safetensors", "report.html"])
def test_force_removes_no_folder_and_then_nothing(run, name):
    (run.path / name).unlink()
    (run.path / name).mkdir()
    with pytest.raises(RunError, match=f"{name} is a folder, which no run writes"):
        RunFolder.create(run.path, force=True)
    assert names(run) == set(NAMES)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_force_removes_a_link_and_not_what_it_points_to(run, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    run.report.unlink()
    run.report.symlink_to(precious)
    RunFolder.create(run.path, force=True)
    assert precious.is_dir()
    assert names(run) == set()


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match=r"run is a file. Choose another folder for the run."):
        RunFolder.create(tmp_path / "run", force=True)
    with pytest.raises(RunError, match=r"cannot write the folder .*deeper: Not a directory"):
        RunFolder.create(tmp_path / "run" / "deeper")


def test_a_path_the_system_refuses(tmp_path):
    with pytest.raises(RunError, match=r"cannot write the folder .*: File name too long"):
        RunFolder.create(tmp_path / ("x" * 300))


def test_no_permission_as_the_system_says_it(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(
        RunError, match=r"cannot write the folder .*: permission denied. Choose another folder."
    ):
        RunFolder.create(tmp_path)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes read-only folders too"
)
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="permission denied"):
        RunFolder.create(tmp_path)
    with pytest.raises(RunError, match="Permission denied"):
        RunFolder.create(tmp_path / "inside")


def test_open_wants_a_run(run, tmp_path):
    assert RunFolder.open(run.path) == run
    (tmp_path / "odd" / "config.json").mkdir(parents=True)
    for path in (tmp_path, tmp_path / "nowhere", run.report, tmp_path / "odd"):
        with pytest.raises(BrokenRunError) as found:
            RunFolder.open(path)
        assert (
            str(found.value) == f'no run in {path}: config.json is missing. "ostinato runs" lists the runs.'
        )

"""Run folders of every format stay readable.

A folder below `golden` was written by the version that introduced its format and is never written
again. If a test here fails, mend the reader, not the folder; a new format gets a new folder.
"""

from pathlib import Path

import numpy as np

from ostinato.runs import (
    RunFolder,
    list_runs,
    read_config,
    read_lines,
    read_predictions,
    read_results,
    read_tensors,
)

GOLDEN = Path(__file__).parent / "golden"


def test_format_1():
    folder = RunFolder.open(GOLDEN / "format-1")
    config = read_config(folder.config)
    assert (config.format_version, config.seed, config.model) == (1, 7, {"name": "lstm", "hidden": 2})
    assert read_results(folder.metrics).tests.diebold_mariano["base_rate"].statistic == -3.5
    assert read_lines(folder.log) == [{"epoch": 1, "loss": 0.61}, {"epoch": 2, "loss": None}]
    assert read_predictions(folder.predictions)["p_up"].to_list() == [0.25, 0.75]
    for path in (folder.weights, folder.checkpoint):
        arrays, metadata = read_tensors(path, finite=True)
        np.testing.assert_array_equal(arrays["bias"], np.array([0.5, -0.5], np.float32), strict=True)
        assert metadata == {"part": path.stem}


def test_all_of_them_can_be_listed():
    runs = list_runs(GOLDEN)
    assert [(run.name, run.broken) for run in runs] == [("format-1", None)]

"""Run folders: their files, and how they are written and read.

    folder.py       where each file lies; making, replacing and opening a run
    listing.py      the runs below a folder
    format.py       config.json
    results.py      metrics.json
    predictions.py  predictions.parquet
    parquet.py      parquet from outside, read in a process of its own
    tensors.py      safetensors files
    schema.py       JSON held against a model, in sentences
    reading.py      bytes and JSON from outside
    writing.py      files that are whole or not there

A run folder from a stranger is hostile until read by this package, which executes nothing in it and
raises nothing but errors of `ostinato.errors`. Nothing here imports torch.
"""

from .folder import RunFolder
from .format import FORMAT_VERSION, RunConfig, read_config, utc_now, write_config
from .listing import RunSummary, list_runs
from .predictions import read_predictions, write_predictions
from .reading import read_json, read_lines
from .results import ModelFacts, Results, SkillTest, SkillTests, TrainingFacts, read_results, write_results
from .tensors import read_tensors, write_tensors
from .writing import append_line, replace_file, truncate, write_bytes, write_json

__all__ = [
    "FORMAT_VERSION",
    "ModelFacts",
    "Results",
    "RunConfig",
    "RunFolder",
    "RunSummary",
    "SkillTest",
    "SkillTests",
    "TrainingFacts",
    "append_line",
    "list_runs",
    "read_config",
    "read_json",
    "read_lines",
    "read_predictions",
    "read_results",
    "read_tensors",
    "replace_file",
    "truncate",
    "utc_now",
    "write_bytes",
    "write_config",
    "write_json",
    "write_predictions",
    "write_results",
    "write_tensors",
]

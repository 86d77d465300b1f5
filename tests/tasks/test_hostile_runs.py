"""A run folder from a stranger: whatever is in it, opening it raises our errors or gives a run."""

import copy
import json
import os
import shutil
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory import MIB, peak_of, write_sparse
from ostinato.errors import BrokenRunError, DataError, OstinatoError
from ostinato.runs import read_tensors, write_tensors
from ostinato.tasks.forecasting import open_run, predict
from tasks.conftest import Small, cut

HUGE = [
    ("lstm", {"units": 4096, "layers": 64, "dropout": 0.0}),
    ("lstm", {"units": 4096, "layers": 4, "dropout": 0.0}),
    ("tcn", {"levels": 64, "channels": 1, "kernel_size": 2, "dropout": 0.0}),
    ("tcn", {"levels": 18, "channels": 4096, "kernel_size": 2, "dropout": 0.0}),
    ("cnn", {"window": 65_536, "channels": [4096], "kernel_size": 1, "units": 1, "dropout": 0.0}),
    ("mlp", {"window": 65_536, "units": 4096, "layers": 64, "dropout": 0.0}),
]


def change_config(folder, **sections):
    """Change fields of sections, or whole fields of the envelope."""
    config = json.loads((folder / "config.json").read_text())
    for name, value in sections.items():
        config[name] = config[name] | value if isinstance(value, dict) else value
    (folder / "config.json").write_text(json.dumps(config))


def refusal(folder) -> str:
    with pytest.raises(BrokenRunError) as caught:
        open_run(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        (
            {"format_version": 99},
            "was written by a newer ostinato (format 99, this one reads up to 1). Upgrade",
        ),
        ({"task": "separation"}, "belongs to the task 'separation', not to forecast."),
        ({"model": {"units": "many"}}, "model lstm: units is 'many'. Input should be a valid integer."),
        ({"model": {"units": 2**70}}, "model lstm: units is 1180591620717411303424."),
        ({"model": {"units": 6}}, "does not fit the model in config.json: tensors or shapes differ."),
        ({"model": {"name": "gru"}}, "does not fit the model in config.json"),
        ({"model": {"name": None}}, "model has no name."),
        ({"model": {"name": "../../lstm"}}, "no model is called '../../lstm'."),
        ({"model": {"name": "lstm\x1b[31m"}}, r"no model is called 'lstm\x1b[31m'."),
        ({"data": {"feature_windows": [1]}}, "data: feature_windows.0 is 1."),
        ({"data": {"feature_windows": [4] * 17}}, "data: feature_windows is "),
        ({"data": {"feature_windows": [4]}}, "does not fit the model in config.json"),
        (
            {"data": {"fractions": [0.9, 0.9, 0.9]}},
            "data: fractions is [0.9, 0.9, 0.9]. Fractions of train, ",
        ),
        ({"data": {"digest": "../../secret"}}, "data: digest is '../../secret'."),
        ({"data": {"feature_windows": [10_001]}}, "data: feature_windows.0 is 10001."),
        ({"data": {"origin": 1e300}}, "data: origin is 1e+300. Input should be less than"),
        ({"data": {"origin": "now"}}, "data: origin is 'now'."),
        ({"training": {"epochs": True}}, "training: epochs is True. Input should be a valid integer."),
        ({"training": {"surprise": 1}}, "training has no field 'surprise'."),
    ],
    ids=str,
)
def test_a_config_that_cannot_be_is_refused(copied, sections, sentence):
    change_config(copied, **sections)
    assert sentence in refusal(copied)


@pytest.mark.parametrize(("name", "options"), HUGE, ids=[f"{n}-{place}" for place, (n, _) in enumerate(HUGE)])
def test_huge_sizes_cost_neither_memory_nor_time(copied, name, options):
    config = json.loads((copied / "config.json").read_text())
    config["model"] = {"name": name} | options
    (copied / "config.json").write_text(json.dumps(config))
    began = time.perf_counter()
    refusal(copied)
    assert time.perf_counter() - began < 30  # building one of them would take minutes, or the machine


OPEN = """
import sys
from ostinato.errors import BrokenRunError
from ostinato.tasks.forecasting import open_run
try:
    open_run(sys.argv[1])
except BrokenRunError as error:
    print(error)
"""


def test_weights_that_announce_gigabytes_are_not_read(copied):
    """A sparse file takes no room on the disk, and would take all of the memory."""
    write_sparse(copied / "weights.safetensors", {"network.head.module.weight": ("F32", [2**28])})
    peak = peak_of(OPEN, copied)
    assert "does not fit the model in config.json" in peak.printed
    assert peak.own < 768 * MIB


def change_weights(folder, change):
    arrays, metadata = read_tensors(folder / "weights.safetensors")
    change(arrays)
    write_tensors(folder / "weights.safetensors", arrays, metadata)


def wrong_shape(arrays):
    arrays["network.head.module.bias"] = np.zeros(2, np.float32)


def missing(arrays):
    del arrays["scaler.mean"]


def unknown(arrays):
    arrays["__class__"] = np.zeros(1, np.float32)


def no_deviation(arrays):
    arrays["scaler.deviation"][2] = 0.0


def not_a_number(arrays):
    arrays["scaler.mean"][0] = np.nan


def other_numbers(arrays):
    arrays["scaler.mean"] = arrays["scaler.mean"].astype(np.float16)


def text_of_numbers(arrays):
    arrays["scaler.mean"] = arrays["scaler.mean"].view(np.uint32)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (wrong_shape, "does not fit the model in config.json"),
        (missing, "does not fit the model in config.json"),
        (unknown, "does not fit the model in config.json"),
        (not_a_number, "1 of 9 numbers are not finite"),
        (no_deviation, "scaler.deviation must be above 0, got 0.0."),
        (other_numbers, "scaler.mean is torch.float16 (9,), the model has torch.float32 (9,)"),
        (text_of_numbers, "scaler.mean is torch.uint32 (9,), the model has torch.float32 (9,)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(copied, change, sentence):
    change_weights(copied, change)
    assert sentence in refusal(copied)


def test_weights_that_give_no_number_are_told(trades, tmp_path):
    """Every number is finite and every shape right; only running the model shows it."""

    def spoil(arrays):
        arrays["scaler.mean"][::2], arrays["scaler.mean"][1::2] = 1e6, -1e6  # scaled: -8, 8, -8, ...
        for name, array in arrays.items():
            if name.startswith("network") and array.ndim == 2:
                array[:] = 3e38  # infinity less infinity

    Small(trades, "mlp").fit(tmp_path / "run")
    change_weights(tmp_path / "run", spoil)
    with pytest.raises(DataError, match="forecast in row 0 is not a number"):
        predict(open_run(tmp_path / "run"), cut(trades, 50))


@pytest.mark.parametrize("kept", [0, 7, 8, 100, -1])
def test_truncated_weights_are_refused(copied, kept):
    data = (copied / "weights.safetensors").read_bytes()
    (copied / "weights.safetensors").write_bytes(data[:kept])
    assert "weights.safetensors" in refusal(copied)


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
def test_what_is_no_plain_file_is_refused(copied, name):
    (copied / name).unlink()
    refusal(copied)
    (copied / name).mkdir()
    with pytest.raises(OstinatoError):
        open_run(copied)
    (copied / name).rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(copied / name)
        refusal(copied)


@pytest.mark.parametrize("path", ["", "nothing/here", "nul\0byte", "x" * 5_000, "/dev/null", "/etc/passwd"])
def test_a_path_that_is_no_run_is_refused(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OstinatoError):
        open_run(path)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([2**63, 10**400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places(part, (*path, key))


def put(value, path, new):
    """The same JSON value with ``new`` at a place."""
    if not path:
        return new
    value = copy.copy(value)
    value[path[0]] = put(value[path[0]], path[1:], new)
    return value


def opens_or_says_why(folder, trades):
    refusal = "none"
    try:
        predict(open_run(folder), trades)
    except OstinatoError as error:
        refusal = str(error)
    assert 0 < len(refusal) < 2_000


FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)


@FUZZ
@given(data=st.data())
def test_any_field_of_the_config_may_be_anything(copied, trades, data):
    path = copied / "config.json"
    original = path.with_name("original")
    if not original.exists():
        shutil.copy(path, original)
    config = json.loads(original.read_text())
    place = data.draw(st.sampled_from(list(places(config))))
    path.write_text(json.dumps(put(config, place, data.draw(JSON))))
    opens_or_says_why(copied, cut(trades, 20))


@FUZZ
@given(data=st.data())
def test_any_byte_of_the_weights_may_be_anything(copied, trades, data):
    path = copied / "weights.safetensors"
    original = path.with_name("original")
    if not original.exists():
        shutil.copy(path, original)
    content = bytearray(original.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(
            st.integers(0, len(content)) | st.integers(0, 700)
        )  # the header more often than its share
        content[begin : begin + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    path.write_bytes(bytes(content))
    opens_or_says_why(copied, cut(trades, 20))

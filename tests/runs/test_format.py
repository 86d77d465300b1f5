"""config.json: what is read back, and what is refused in which words."""

import json
import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ostinato.errors import BrokenRunError, RunError
from ostinato.runs import RunConfig, read_config, read_json, utc_now, write_config
from ostinato.runs.format import _config
from ostinato.runs.reading import parse_json


@pytest.fixture
def path(tmp_path, config):
    write_config(tmp_path / "config.json", config)
    return tmp_path / "config.json"


def changed(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return path


def test_round_trip(path, config):
    assert read_config(path) == config
    assert next(iter(json.loads(path.read_text()))) == "format_version"


def test_a_config_cannot_be_changed(config):
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 8


def test_utc_now_fits(config):
    assert RunConfig(**(config.model_dump() | {"created": utc_now()}))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"format_version": 2},
            "was written by a newer ostinato (format 2, this one reads up to 1). Upgrade ostinato.",
        ),
        ({"format_version": 0}, "format_version must be a whole number from 1, got 0."),
        ({"format_version": True}, "format_version must be a whole number from 1, got True."),
        ({"format_version": "1"}, "format_version must be a whole number from 1, got '1'."),
        ({"sead": 3}, "the field sead = 3 is unknown to this version."),
        ({"seed": "7"}, "the field seed cannot be '7': input should be a valid integer."),
        ({"seed": -1}, "the field seed cannot be -1: input should be greater than or equal to 0."),
        ({"seed": 2**63}, "the field seed cannot be 9223372036854775808: input should be less than"),
        ({"seed": 1.0}, "the field seed cannot be 1.0: input should be a valid integer."),
        ({"task": "../../etc"}, "the field task cannot be '../../etc': string should match pattern"),
        ({"task": ""}, "the field task cannot be ''"),
        ({"created": "2026-01-31"}, "a time in UTC such as 2026-01-31T12:00:00+00:00 is expected."),
        ({"created": "2026-01-31T12:00:00+01:00"}, "a time in UTC such as"),
        (
            {"created": "2026-01-31\x1b12:00:00+00:00"},
            r"the field created cannot be '2026-01-31\x1b12:00:00+00:00'",
        ),
        ({"created": "-"}, "the field created cannot be '-': invalid isoformat string"),
        ({"versions": {"torch": 2}}, "the field versions.torch cannot be 2: input should be a valid string."),
        ({"versions": {"\x1b[31m": 2}}, r"the field 'versions.\x1b[31m' cannot be 2"),
        ({"versions": {str(n): "" for n in range(101)}}, "the field versions cannot be {"),
        ({"model": "lstm"}, "the field model cannot be 'lstm'"),
        ({"data": [1]}, "the field data cannot be [1]"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(path, fields, words):
    with pytest.raises(BrokenRunError, match=re.escape(words)) as found:
        read_config(changed(path, **fields))
    assert str(found.value).startswith(str(path))
    assert str(found.value).isprintable()


@pytest.mark.parametrize("field", ["task", "created", "seed", "data", "model", "training"])
def test_a_missing_field_is_named(path, field):
    fields = json.loads(path.read_text())
    del fields[field]
    path.write_text(json.dumps(fields))
    with pytest.raises(BrokenRunError, match=f"config.json: the field {field} is missing."):
        read_config(path)


@pytest.mark.parametrize("optional", ["versions", "columns"])
def test_what_has_a_default_may_be_missing(path, optional):
    fields = json.loads(path.read_text())
    del fields[optional]
    path.write_text(json.dumps(fields))
    assert getattr(read_config(path), optional) == {}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not usable JSON: Expecting value"),
        (b"\xff\xfe{\x00}\x00", "is not UTF-8 text."),
        (b"\xef\xbb\xbf{}", "is not usable JSON: Unexpected UTF-8 BOM"),
        (b"[]", "format_version must be a whole number from 1, got None."),
        (b"{" * 100_000, "is not usable JSON"),
        (b'{"a":' * 100_000, "is nested more than 20 deep."),
        (b"[" * 21 + b"]" * 21, "is nested more than 20 deep."),
        (b'{"a": 1, "a": 2}', "is not usable JSON: the key 'a' is given twice."),
        (b'{"a": NaN}', "is not usable JSON: NaN is not a JSON number."),
        (b'{"a": -Infinity}', "is not usable JSON: -Infinity is not a JSON number."),
        (b'{"a": 1e999}', "is not usable JSON: '1e999' is too large a number."),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not usable JSON: Exceeds the limit"),
        (b'{"a": "\\ud800"}', "is not UTF-8 text."),
        (b'{"\\ud800": 1}', "is not UTF-8 text."),
        (b" " * (1 << 20) + b"{}", "is 1,048,578 bytes, more than the 1,048,576 allowed here."),
    ],
)
def test_hostile_bytes(tmp_path, data, words):
    path = tmp_path / "config.json"
    path.write_bytes(data)
    with pytest.raises(
        BrokenRunError, match=re.escape(f"{path} {words}".replace(f"{path} format", "format"))
    ):
        read_config(path)


def test_nesting_of_twenty_is_fine():
    assert parse_json(b"[" * 20 + b"]" * 20, "x")


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    with pytest.raises(BrokenRunError, match="is 104,857,600 bytes, more than the 1,048,576 allowed here"):
        read_config(path)


def test_missing_folder_and_pipe(tmp_path):
    with pytest.raises(BrokenRunError, match=r"config.json is missing\."):
        read_config(tmp_path / "config.json")
    with pytest.raises(BrokenRunError, match=r"is not a file. A run holds plain files only"):
        read_config(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "config.json")
        with pytest.raises(BrokenRunError, match=r"is not a file. A run holds plain files only"):
            read_config(tmp_path / "config.json")


def test_what_the_system_refuses(tmp_path):
    with pytest.raises(RunError, match=r"cannot read .*: File name too long"):
        read_json(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"rate": float("nan")}, "NaN is not a JSON number"),
        ({"a" * 2**20: 1}, "more than the 1,048,576 allowed"),
        ({"text": "\ud800"}, "is not UTF-8 text"),
    ],
)
def test_what_cannot_be_read_is_not_written(path, config, training, words):
    before = path.read_bytes()
    with pytest.raises(BrokenRunError, match=words):
        write_config(path, config.model_copy(update={"training": training}))
    assert path.read_bytes() == before


def test_deep_configs_are_not_written(path, config):
    deep: dict = {}
    for _ in range(20):
        deep = {"deeper": deep}
    with pytest.raises(BrokenRunError, match="nested more than 20 deep"):
        write_config(path, config.model_copy(update={"data": deep}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.sampled_from(list(RunConfig.model_fields)), JSON)


@given(FIELDS | st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_nothing_but_our_own_errors_comes_out(value):
    data = value if isinstance(value, bytes) else json.dumps({"format_version": 1} | value).encode()
    words = ""
    try:
        _config(parse_json(data, "x"), "x")
    except BrokenRunError as error:
        words = str(error)
    assert words.isprintable()

"""Safetensors files: what is read back, and that nothing hostile is read at all."""

import json
import re
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ostinato.errors import BrokenRunError, RunError
from ostinato.runs import read_tensors, tensors, write_tensors

ARRAYS = {
    "lstm.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scale": np.array(1.5),
    "half": np.array([1, 2], np.float16),
    "empty": np.zeros((0, 3)),
    "mask": np.array([True, False, True]),
    "generator": np.array([0, 255, 7], np.uint8),
    "step": np.array(2**40, np.int64),
    "spectrum": np.array([1 + 2j], np.complex64),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def raw(header, data=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_round_trip(path):
    write_tensors(path, ARRAYS, {"config": "{}", "é": "ü"})
    found, metadata = read_tensors(path, finite=True)
    same(found, ARRAYS)
    assert metadata == {"config": "{}", "é": "ü"}
    assert all(array.flags.writeable and array.flags.aligned for array in found.values())


def test_the_library_reads_what_we_write_and_we_what_it_writes(path):
    write_tensors(path, ARRAYS)
    same(load(path.read_bytes()), ARRAYS)
    path.write_bytes(save(ARRAYS))
    found, metadata = read_tensors(path)
    same(found, ARRAYS)
    assert metadata == {}


def test_any_memory_layout_is_written(path):
    square = np.arange(9.0).reshape(3, 3)
    strange = {"transposed": square.T, "strided": square[::2, 1:], "big endian": square.astype(">f8")}
    write_tensors(path, strange)
    found, _ = read_tensors(path)
    for name, array in strange.items():
        np.testing.assert_array_equal(found[name], array)


def test_nothing_at_all_is_a_file_too(path):
    write_tensors(path, {})
    assert read_tensors(path) == ({}, {})


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "", "\x1b[31m", "a\0b", "C:\\x"])
def test_names_are_only_names(path, name):
    write_tensors(path, {name: np.ones(1)})
    found, _ = read_tensors(path)
    assert list(found) == [name]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


GOOD = entry()
HOSTILE = {
    "empty file": (b"", "is 0 bytes, too short for a safetensors file."),
    "short file": (b"\0" * 7, "is 7 bytes, too short for a safetensors file."),
    "huge header": (
        struct.pack("<Q", 2**64 - 1) + b"{}",
        "announces a header of 18,446,744,073,709,551,615 bytes; 2 are possible.",
    ),
    "header past the end": (raw(b"{}")[:-1], "announces a header of 2 bytes; 1 are possible."),
    "no JSON": (raw(b"\x80\x04."), "is not UTF-8 text."),
    "no table": (raw([]), "is [], no table of tensors."),
    "deep header": (raw(b"[" * 100_000), "is nested more than 20 deep."),
    "duplicate name": (
        raw(b'{"a": 1, "a": 1}'),
        "is not usable JSON: the key 'a' is given twice.",
    ),
    "entry is no table": (raw({"a": 3}), "the tensor 'a' in WHERE: the whole cannot be 3"),
    "metadata is no table": (raw({"__metadata__": 3}), "__metadata__ must map text to text, got 3."),
    "metadata is no text": (
        raw({"__metadata__": {"a": 3}}),
        "__metadata__ must map text to text, got {'a': 3}.",
    ),
    "unknown dtype": (
        raw({"a": entry("BF16", (2,))}, b"1234"),
        "its dtype 'BF16' is unknown. Known are F64, F32",
    ),
    "unknown field": (raw({"a": GOOD | {"pickle": 1}}, b"1234"), "the field pickle = 1 is unknown"),
    "no offsets": (raw({"a": {"dtype": "F32", "shape": []}}), "the field data_offsets is missing."),
    "three offsets": (
        raw({"a": entry(offsets=(0, 4, 8))}, b"1234"),
        "the field data_offsets cannot be [0, 4, 8]",
    ),
    "float offsets": (raw({"a": entry(offsets=(0.0, 4))}, b"1234"), "the field data_offsets.0 cannot be 0.0"),
    "negative shape": (raw({"a": entry(shape=(-1, -1))}, b"1234"), "its shape [-1, -1] is impossible."),
    "boolean shape": (raw({"a": entry(shape=(True,))}, b"1234"), "the field shape.0 cannot be True"),
    "huge shape": (raw({"a": entry(shape=(2**62, 2**62))}, b"1234"), "is impossible."),
    "huge empty shape": (raw({"a": entry(shape=(0, 2**62), offsets=(0, 0))}), "is impossible."),
    "many axes": (raw({"a": entry(shape=(1,) * 17)}, b"1234"), "the field shape cannot be [1, 1"),
    "shape too small": (raw({"a": entry(shape=(0,))}, b"1234"), "F32 of shape [0] takes 0 bytes, not 4."),
    "shape too large": (raw({"a": entry(shape=(3,))}, b"1234"), "F32 of shape [3] takes 12 bytes, not 4."),
    "past the end": (raw({"a": entry(offsets=(0, 5))}, b"1234"), "it cannot lie at [0, 5]"),
    "backwards": (raw({"a": entry(offsets=(0, -4))}, b"1234"), "F32 of shape [1] takes 4 bytes, not -4."),
    "overlap": (
        raw({"a": entry(offsets=(0, 4)), "b": entry(offsets=(2, 6))}, b"123456"),
        "the tensor 'b' in WHERE: it cannot lie at [2, 6]; the tensors before it end at 4 and the data at 6.",
    ),
    "gap": (
        raw({"a": entry(offsets=(1, 5))}, b"12345"),
        "it cannot lie at [1, 5]; the tensors before it end at 0",
    ),
    "bytes left over": (raw({"a": GOOD}, b"12345"), "1 bytes belong to no tensor."),
    "odd booleans": (
        raw({"a": entry("BOOL", (1,), (0, 1))}, b"\2"),
        "it holds booleans that are neither 0 nor 1.",
    ),
}


@pytest.mark.parametrize(("data", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files(path, data, words):
    path.write_bytes(data)
    with pytest.raises(BrokenRunError, match=re.escape(words.replace("WHERE", str(path)))) as found:
        read_tensors(path)
    assert str(path) in str(found.value)
    assert str(found.value).isprintable()


def test_a_header_beyond_the_cap_is_not_read(path):
    with path.open("wb") as file:
        file.write(struct.pack("<Q", (16 << 20) + 1))
        file.truncate(40 << 20)
    with pytest.raises(BrokenRunError, match="a header of 16,777,217 bytes; 16,777,216 are possible"):
        read_tensors(path)


def test_a_file_beyond_the_limit_is_not_read(path):
    write_tensors(path, ARRAYS)
    size = path.stat().st_size
    read_tensors(path, max_bytes=size)
    with pytest.raises(BrokenRunError, match=f"is {size:,} bytes, more than the {size - 1:,} allowed here"):
        read_tensors(path, max_bytes=size - 1)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_named(path, wrong):
    write_tensors(path, {"fine": np.ones(3), "lstm.bias": np.array([1, wrong, wrong], np.float32)})
    read_tensors(path)
    with pytest.raises(BrokenRunError, match=r"the tensor 'lstm.bias' in .*: 2 of 3 numbers are not finite"):
        read_tensors(path, finite=True)


@pytest.mark.parametrize(
    ("arrays", "metadata", "words"),
    [
        ({"a": np.array([object()])}, None, "the tensor 'a' cannot be object"),
        ({"a": np.array(["text"])}, None, "the tensor 'a' cannot be <U4"),
        ({"__metadata__": np.ones(1)}, None, "__metadata__ is no name for a tensor"),
        ({"\ud800": np.ones(1)}, None, "names and metadata must be text"),
        ({}, {"a": 1}, "names and metadata must be text"),
    ],
)
def test_what_cannot_be_held_is_not_written(path, arrays, metadata, words):
    with pytest.raises(RunError, match=f"cannot write .*weights.safetensors: {words}"):
        write_tensors(path, arrays, metadata)
    assert not path.exists()


def test_a_header_too_long_to_read_is_not_written(path, monkeypatch):
    monkeypatch.setattr(tensors, "MAX_HEADER_BYTES", 100)
    with pytest.raises(RunError, match="names and metadata are more than the 100 bytes allowed"):
        write_tensors(path, {}, {"long": "x" * 100})


VALID = save(ARRAYS, {"a": "b"})
FLIPPED = st.tuples(st.integers(0, len(VALID) - 1), st.integers(1, 255)).map(
    lambda at: VALID[: at[0]] + bytes([VALID[at[0]] ^ at[1]]) + VALID[at[0] + 1 :]
)
TRUNCATED = st.integers(0, len(VALID) - 1).map(lambda length: VALID[:length])
NUMBER = st.integers(-2, 12) | st.integers()
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*tensors.DTYPES, "BF16"]),
        "shape": st.lists(NUMBER, max_size=3),
        "data_offsets": st.lists(NUMBER, min_size=1, max_size=3),
    }
)
HEADERS = st.builds(raw, st.dictionaries(st.text(max_size=3), ENTRY, max_size=3), st.binary(max_size=12))


@given(st.binary(max_size=50) | FLIPPED | TRUNCATED | HEADERS)
@settings(max_examples=400, deadline=None)
def test_nothing_but_our_own_errors_comes_out(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzzed.safetensors"
    path.write_bytes(data)
    try:
        found, _ = read_tensors(path, finite=True)
    except BrokenRunError:
        return
    try:
        theirs = load(data)
    except SafetensorError:
        pytest.fail("the library refuses what we read")
    same(found, theirs)

"""Checkpoints hold what was put in, and refuse what is damaged, hostile or of another training."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from torch import nn

import ostinato.training
from memory import MIB, peak_of, write_sparse
from ostinato.core import Generators, drawing_from
from ostinato.errors import BrokenRunError, ConfigError, OstinatoError, RunError, TrainingError
from ostinato.layers import GRU, Chain, Dense
from ostinato.runs.tensors import read_tensors, write_tensors
from ostinato.training import resuming
from ostinato.training.checkpoint import (
    CheckpointData,
    _digest,
    load_module,
    read_checkpoint,
    write_checkpoint,
)
from ostinato.training.nested import pack, unpack
from ostinato.training.progress import Progress
from ostinato.training.resuming import capture
from training.problem import make_net, make_trainer

TESTS = Path(__file__).parents[1]
OPTIONS = {"optimizer": "AdamW", "schedule": "OneCycleLR", "update_every": 8, "gradient_steps": 16}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The bytes of a checkpoint within an epoch."""
    folder = tmp_path_factory.mktemp("run")
    trainer = make_trainer(folder, checkpoint_seconds=0.0, **OPTIONS)
    trainer.watcher.update = lambda progress, rows: setattr(trainer.request, "made", progress.updates == 7)
    assert trainer.run().stopped == "interrupted"
    return (folder / "checkpoint.safetensors").read_bytes(), (folder / "metrics.jsonl").read_bytes()


@pytest.fixture
def folder(tmp_path, checkpoint):
    """A folder to resume from."""
    lay_out(tmp_path, checkpoint)
    return tmp_path


def lay_out(folder, checkpoint):
    (folder / "checkpoint.safetensors").write_bytes(checkpoint[0])
    (folder / "metrics.jsonl").write_bytes(checkpoint[1])


def resume(folder, **options):
    make_trainer(folder, **OPTIONS | options).resume()


def forge(folder, change):
    """Change the facts of a checkpoint, and its checksum with them."""
    path = folder / "checkpoint.safetensors"
    arrays, metadata = read_tensors(path)
    facts = json.loads(metadata["ostinato"])
    change(facts, arrays)
    text = json.dumps(facts)
    path.write_bytes(save(arrays, {"ostinato": text, "sha256": _digest(text, arrays)}))


def refusal(folder):
    """What is said, if it is one of our errors."""
    try:
        resume(folder)
    except OstinatoError as error:
        return str(error)
    return "it went unnoticed."


# nested values

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
TENSORS = st.builds(torch.full, st.tuples(st.integers(0, 3)) | st.just(()), st.floats(-9, 9))
NESTED = st.recursive(
    SCALARS | TENSORS,
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.lists(inside, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inside, max_size=3)
    ),
    max_leaves=12,
)


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


def same_by_name(a, b):
    return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)


@given(NESTED)
def test_nested_values_come_back_through_json(value):
    tensors = {}
    packed = json.dumps(pack(value, tensors, "name"), allow_nan=False)
    assert same(unpack(json.loads(packed), tensors), value)


def test_what_json_and_tensors_cannot_hold_is_refused():
    with pytest.raises(TrainingError, match="optimizer holds a set, which a checkpoint cannot keep"):
        pack({"a": [{1, 2}]}, {}, "optimizer")


# parts


def test_parts_round_trip(tmp_path):
    net, torch_net = make_net(), nn.BatchNorm1d(4)
    _, state = net(torch.randn(2, 5, 3))
    parts = CheckpointData()
    parts.add_module("model", torch_net.state_dict())
    parts.add_nested("optimizer", {"state": {0: {"step": torch.tensor(3.0), "betas": (0.9, 0.99)}}})
    parts.add_states([None, state])
    generators = Generators(4)
    parts.add_random(generators)
    progress = Progress(epoch=3, updates=17, stopped="early")
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, parts, progress)
    drawn = torch.rand(5, generator=generators.on(torch.device("cpu")))
    read, told = read_checkpoint(path)
    assert told == progress
    assert told.best_loss == float("inf")
    assert same_by_name(read.module("model"), torch_net.state_dict())
    assert same(read.nested("optimizer"), {"state": {0: {"step": torch.tensor(3.0), "betas": (0.9, 0.99)}}})
    nothing, again = read.states(net.initial_state(0))
    assert nothing is None
    assert type(again[0]) is type(state[0])
    torch.testing.assert_close(again, state, rtol=0, atol=0)
    others = Generators(0)
    read.restore_random(others)
    assert torch.equal(torch.rand(5, generator=others.on(torch.device("cpu"))), drawn)


def test_a_checkpoint_of_before_goes_on_with_the_numbers_of_the_global_generator():
    torch.manual_seed(8)
    torch.rand(3)
    parts, generators = CheckpointData({"random/cpu": torch.get_rng_state()}), Generators(0)
    parts.restore_random(generators)
    with drawing_from(generators):
        found = torch.rand(5)
    assert torch.equal(found, torch.rand(5))


def test_resuming_restores_everything(folder):
    trainer = make_trainer(folder, net=make_net(seed=4), **OPTIONS)
    trainer.resume()
    read, progress = read_checkpoint(folder / "checkpoint.safetensors")
    again = capture(trainer.state)
    assert trainer.state.progress.updates == progress.updates == 7
    assert same_by_name(again.tensors, read.tensors)
    for name in ("optimizer", "schedule", "older", "states"):
        assert again.facts[name] == read.facts[name]


def test_the_best_weights_are_written_again_before_training_goes_on(folder):
    resume(folder)
    best = read_checkpoint(folder / "checkpoint.safetensors")[0].module("best")
    written = read_tensors(folder / "weights.safetensors")[0]
    assert {name: value.tolist() for name, value in written.items()} == {
        name: value.tolist() for name, value in best.items()
    }


def test_without_a_checkpoint_the_training_begins_and_its_log_too(folder):
    (folder / "checkpoint.safetensors").unlink()
    resume(folder)
    assert (folder / "metrics.jsonl").read_bytes() == b""


# damage


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_flipped_bit_is_seen(tmp_path, checkpoint, data):
    damaged = bytearray(checkpoint[0])
    place = data.draw(st.integers(0, len(damaged) - 1) | st.integers(0, 3000))
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    lay_out(tmp_path, (bytes(damaged), checkpoint[1]))
    with pytest.raises(BrokenRunError):
        resume(tmp_path)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_file_that_is_cut_is_seen(tmp_path, checkpoint, data):
    size = data.draw(st.integers(0, len(checkpoint[0]) - 1))
    lay_out(tmp_path, (checkpoint[0][:size], checkpoint[1]))
    with pytest.raises(BrokenRunError):
        resume(tmp_path)


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_refused(tmp_path, content):
    lay_out(tmp_path, (content, b""))
    with pytest.raises(BrokenRunError):
        resume(tmp_path)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=5,
)


def places(value, path=()):
    """Every place in JSON."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in items:
        yield from places(inside, (*path, key))


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
def test_facts_that_were_tampered_with_raise_nothing_but_our_errors(tmp_path, checkpoint, data):
    def tamper(facts, arrays):
        *way, last = data.draw(st.sampled_from([path for path in places(facts) if path]))
        for key in way:
            facts = facts[key]
        facts[last] = data.draw(JSON)

    lay_out(tmp_path, checkpoint)
    forge(tmp_path, tamper)
    assert refusal(tmp_path).endswith(".")


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_tensors_that_were_exchanged_raise_nothing_but_our_errors(tmp_path, checkpoint, data):
    def exchange(facts, arrays):
        one, other = data.draw(st.lists(st.sampled_from(sorted(arrays)), min_size=2, max_size=2, unique=True))
        arrays[one] = arrays.pop(other) if data.draw(st.booleans()) else arrays[other]

    lay_out(tmp_path, checkpoint)
    forge(tmp_path, exchange)
    assert refusal(tmp_path).endswith(".")


def forget(*names):
    return lambda facts, arrays: [facts.pop(name) for name in names]


def replaced(**values):
    return lambda facts, arrays: facts.update(values)


def drop_tensor(facts, arrays):
    del arrays["model/head.module.weight"]


def drop_state(facts, arrays):
    del arrays[next(name for name in arrays if name.startswith("state/") and name.endswith("hidden"))]


def too_far(facts, arrays):
    entries = {key: place for place, (key, _) in enumerate(facts["progress"]["dict"])}
    facts["progress"]["dict"][entries["done"]][1] = 99


FORGED = [
    (replaced(version=2), "is not a checkpoint of version 1"),
    (forget("progress"), "does not say how far the training run was"),
    (forget("config"), "does not say how it was trained"),
    (forget("log_bytes"), r"does not say how long metrics\.jsonl was"),
    (replaced(log_bytes=-1), r"does not say how long metrics\.jsonl was"),
    (replaced(log_bytes=10**6), "Lines are lost"),
    (forget("optimizer"), "does not fit this training: KeyError"),
    (replaced(optimizer={"dict": []}), "does not fit this training"),
    (replaced(states=[True, True, True]), "does not fit this training"),
    (drop_tensor, r"the checkpoint lacks tensor 'head\.module\.weight': it belongs to another model"),
    (drop_state, "the saved state lacks tensor"),
    (too_far, "99 pieces of an epoch of"),
]


@pytest.mark.parametrize(("change", "words"), FORGED, ids=[words for _, words in FORGED])
def test_a_forged_checkpoint_is_refused(folder, change, words):
    forge(folder, change)
    with pytest.raises(BrokenRunError, match=words):
        resume(folder)


RESUME = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from ostinato.errors import BrokenRunError
from training.problem import make_trainer
for folder in sys.argv[2:]:
    try:
        make_trainer(Path(folder)).resume()
    except BrokenRunError as error:
        print(error)
"""
SPARSE = {
    "model/head.module.weight": "the model has (1, 5)",
    "best/other": "the model has no such tensor",
    "optimizer.0": "announces 1,073,741,824 bytes beside the weights; this training run keeps at most",
}


def test_a_checkpoint_that_announces_gigabytes_is_not_read(tmp_path):
    """A sparse file takes no room on the disk, and would take all of the memory."""
    folders = [tmp_path / str(place) for place in range(len(SPARSE))]
    for folder, name in zip(folders, SPARSE, strict=True):
        folder.mkdir()
        write_sparse(folder / "checkpoint.safetensors", {name: ("F32", [2**28])}, ostinato="{}", sha256="")
        (folder / "metrics.jsonl").touch()
    peak = peak_of(RESUME, TESTS, *folders)
    for line, words in zip(peak.printed.splitlines(), SPARSE.values(), strict=True):
        assert words in line
    assert peak.own < 768 * MIB


@pytest.mark.parametrize("optimizer", ["AdamW", "LBFGS", "NAdam", "Rprop"])
def test_a_checkpoint_has_the_room_that_it_needs(tmp_path, optimizer, monkeypatch):
    """Within what is counted, without the slack for small things."""
    monkeypatch.setattr(resuming, "SLACK", 2**14)
    options = OPTIONS | {"optimizer": optimizer, "schedule": "none"}
    trainer = make_trainer(tmp_path, checkpoint_seconds=0.0, **options)
    trainer.watcher.update = lambda progress, rows: setattr(trainer.request, "made", progress.updates == 7)
    trainer.run()
    make_trainer(tmp_path, **options).resume()


def test_a_wrong_checksum_is_said(folder):
    path = folder / "checkpoint.safetensors"
    arrays, metadata = read_tensors(path)
    write_tensors(path, arrays, metadata | {"sha256": "0" * 64})
    with pytest.raises(BrokenRunError, match="is damaged: its checksum does not match"):
        resume(folder)


def test_the_weights_of_a_run_are_no_checkpoint(folder):
    write_tensors(folder / "checkpoint.safetensors", {})
    with pytest.raises(BrokenRunError, match=r"is not a checkpoint of ostinato\. Start again with --force"):
        resume(folder)


def test_a_pickle_is_refused_and_not_read(folder):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (folder / "exploded",)

    (folder / "checkpoint.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(BrokenRunError):
        resume(folder)
    assert not (folder / "exploded").exists()


def test_nothing_here_knows_of_pickles():
    for path in Path(ostinato.training.__file__).parent.glob("*.py"):
        source = path.read_text()
        assert "import pickle" not in source
        assert "torch.load" not in source
        assert "torch.save" not in source


# other trainings


def test_another_model_is_refused(folder):
    torch.manual_seed(0)
    net = Chain(memory=GRU(3, 5), head=Dense(5, 1))
    with pytest.raises(BrokenRunError, match=r"'best/memory\.\w+' is F32 \(20,\), the model has \(15,\)"):
        resume(folder, net=net)


def test_another_dtype_is_refused(folder):
    with pytest.raises(BrokenRunError, match=r"is torch\.float32 .*, the model has torch\.float64"):
        resume(folder, net=make_net().double())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "SGD"}, "was begun with optimizer 'AdamW', not 'SGD'. Resume it with the same"),
        ({"epochs": 9}, "was begun with epochs 3, not 9"),
        ({"seed": 9}, "was begun with seed 0, not 9"),
        ({"update_every": 4}, "was begun with update_every 8, not 4"),
    ],
)
def test_another_config_is_refused(folder, options, words):
    with pytest.raises(ConfigError, match=words):
        resume(folder, **options)


@pytest.mark.parametrize(
    "options", [{"patience": 3}, {"max_seconds": 60.0}, {"checkpoint_seconds": 5.0}], ids=str
)
def test_when_to_stop_and_to_save_may_change(folder, options):
    resume(folder, **options)


def test_a_checkpoint_that_is_a_folder_is_refused(folder):
    (folder / "checkpoint.safetensors").unlink()
    (folder / "checkpoint.safetensors").mkdir()
    with pytest.raises(RunError):
        resume(folder)


def test_unknown_tensors_are_another_model():
    with pytest.raises(BrokenRunError, match="the file has the unknown tensor 'extra'"):
        load_module(nn.Linear(1, 1), nn.Linear(1, 1).state_dict() | {"extra": torch.zeros(1)}, "the file")

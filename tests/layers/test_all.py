"""What holds for every layer, beside the contract: names, ``last``, golden parameters."""

import json
import os
from pathlib import Path

import pytest
import torch

from contract.registry import LAYERS
from layers.close import close
from ostinato import layers
from ostinato.checks import Subject
from ostinato.core import SequenceLayer
from ostinato.layers import Output
from ostinato.layers.overlapping import Overlapping
from ostinato.layers.recurrent import Recurrent
from ostinato.layers.sliding import Sliding

GOLDEN = Path(__file__).parent / "golden_parameters.json"
RENEW = "OSTINATO_RENEW_GOLDEN"


def test_every_public_layer_is_registered():
    made = [case.layer for case in LAYERS.values()]
    registered = {
        Output,
        *map(type, made),
        *(type(layer.output) for layer in made if hasattr(layer, "output")),
    }
    public = {getattr(layers, name) for name in layers.__all__}
    assert public <= registered


def test_public_names_are_the_layers_that_there_are():
    there = {name for name, value in vars(layers).items() if isinstance(value, type)}
    assert there == set(layers.__all__)
    assert all(issubclass(getattr(layers, name), SequenceLayer | Output) for name in there)
    assert all(getattr(layers, name).__doc__ for name in there)


@pytest.mark.parametrize("steps", [7, 13])
@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS.keys())
def test_last_is_the_last_step_of_forward(case, steps):
    subject = Subject.of(case.make(), case.inputs)
    x = subject.x(steps)
    close(subject.layer.last(x), subject.layer(x)[0][:, -1])


@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS.keys())
def test_ends_are_the_last_outputs_of_rows_alone(case):
    subject = Subject.of(case.make(), case.inputs)
    x, lengths = subject.x(), subject.ragged()
    found = subject.layer.ends(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, _ = subject.layer(x[row : row + 1, :length])
        close(found[row], alone[0, -1] if alone.shape[1] else torch.zeros_like(found[row]))


@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS.keys())
def test_no_rows_at_all(case):
    subject = Subject.of(case.make(), case.inputs)
    x, lengths = subject.x(13)[:0], torch.zeros(0, dtype=torch.int64)
    steps = subject.layer(subject.x(13))[0].shape[1:]
    for given in (None, lengths):
        y, state = subject.layer(x, None, given)
        assert y.shape == (0, *steps)
        if subject.layer.streams:
            assert subject.layer(x, state, given)[0].shape[0] == 0


@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS.keys())
def test_strides_of_memory_do_not_matter(case):
    subject = Subject.of(case.make(), case.inputs)
    x = subject.x()
    expected, _ = subject.layer(x)
    apart = torch.stack([x, torch.full_like(x, torch.nan)], dim=-1)[..., 0]
    for same in (apart, x.transpose(1, 2).contiguous().transpose(1, 2), x.flip(0).flip(0)):
        close(subject.layer(same)[0], expected)


@pytest.mark.parametrize(
    ("base", "sizes", "method"),
    [
        (Sliding, (3, 3, 1), "slide"),
        (Recurrent, (3, 3, 1), "cell"),
        (Overlapping, (3, 3, 2, 1), "spread"),
    ],
)
def test_a_family_says_what_its_members_must_define(base, sizes, method):
    class Unfinished(base):
        gates, state_type = ("hidden",), layers.recurrent.RNNState

    with pytest.raises(NotImplementedError, match=rf"Unfinished does not define {method}\(\)."):
        Unfinished(*sizes)(torch.zeros(1, 2, 3))


def parameters() -> dict[str, dict[str, list[int]]]:
    """Name and shape of everything that a saved layer holds."""
    return {
        name: {key: list(value.shape) for key, value in case.layer.state_dict().items()}
        for name, case in LAYERS.items()
    }


def test_golden_parameters():
    """Weights that somebody saved must load tomorrow."""
    found = parameters()
    if os.environ.get(RENEW):
        lines = [f"  {json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found)]
        GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    golden = json.loads(GOLDEN.read_text())
    changed = sorted(name for name in golden.keys() | found.keys() if golden.get(name) != found.get(name))
    assert not changed, (
        f"parameters of {', '.join(changed)} are not those in {GOLDEN.name}. If weights saved before need not load "
        f"any more, or layers were added, renew it on purpose: {RENEW}=1 make test"
    )

"""What holds for every layer, beside the contract: names, ``last``, golden parameters."""

import json
import os
from pathlib import Path

import pytest

from contract.registry import LAYERS
from layers.close import close
from ostinato import layers
from ostinato.checks import Subject
from ostinato.core import SequenceLayer

GOLDEN = Path(__file__).parent / "golden_parameters.json"
RENEW = "OSTINATO_RENEW_GOLDEN"


def test_every_public_layer_is_registered():
    registered = {type(case.make()) for case in LAYERS.values()}
    public = {getattr(layers, name) for name in layers.__all__}
    assert public <= registered


def test_public_names_are_the_layers_that_there_are():
    there = {name for name, value in vars(layers).items() if isinstance(value, type)}
    assert there == set(layers.__all__)
    assert all(issubclass(getattr(layers, name), SequenceLayer) for name in there)
    assert all(getattr(layers, name).__doc__ for name in there)


@pytest.mark.parametrize("steps", [7, 13])
@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS.keys())
def test_last_is_the_last_step_of_forward(case, steps):
    subject = Subject.of(case.make(), case.inputs)
    x = subject.x(steps)
    close(subject.layer.last(x), subject.layer(x)[0][:, -1])


def parameters() -> dict[str, dict[str, list[int]]]:
    """Name and shape of everything that a saved layer holds."""
    return {
        name: {key: list(value.shape) for key, value in case.make().state_dict().items()}
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

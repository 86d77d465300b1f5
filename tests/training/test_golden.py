"""Training gives the numbers that it always gave: whole sequences, truncated back-propagation, windows.

``OSTINATO_RENEW_GOLDEN=1`` writes ``golden.json`` anew, which nobody should need.
"""

import json
import os
from pathlib import Path

import pytest
import torch

from ostinato.models import build
from training.problem import make_net, make_steps, make_trainer, weights_of
from training.test_loop import Recorder
from training.test_truncation import CASES, locked_net

GOLDEN = Path(__file__).with_name("golden.json")
LEARNING = {"optimizer": "AdamW", "schedule": "OneCycleLR", "clip_norm": 1.0, "input_noise": 0.1, "epochs": 2}
WINDOWS = {"sampler": "windows", "window": 8, "windows": 13, "l2": 0.01}
RUNS = {
    **{name: (lambda: make_net(0.2), {"streams": 3} | case) for name, case in CASES.items()},
    **{
        f"windows, {name}": (lambda name=name, options=options: build(name, options, 3, 1), WINDOWS)
        for name, options in {"cnn": {"window": 6, "channels": [4]}, "mlp": {"window": 6}, "tcn": {}}.items()
    },
    "locked dropout": (locked_net, {"update_every": 4, "gradient_steps": 8}),
    "LBFGS": (lambda: make_net(0.2), {"optimizer": "LBFGS", "epochs": 1}),
}


def numbers_of(name):
    """Losses, learning rates, and two sums of the weights."""
    make, options = RUNS[name]
    torch.manual_seed(0)
    net, watcher = make().double(), Recorder()
    steps = make_steps(61, (1, 17, 18, 40, 53), torch.float64)
    make_trainer(net=net, steps=steps, watcher=watcher, **LEARNING | options).run()
    weights = weights_of(net)
    numbers = [float(weights.sum()), float(weights.norm())]
    for line in watcher.evaluations:
        numbers += [line.train_loss, line.validation_loss, line.learning_rate, line.updates]
    return numbers


@pytest.mark.parametrize("name", RUNS)
def test_the_numbers_of_a_training_run_are_those_of_ever(name):
    known = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("OSTINATO_RENEW_GOLDEN"):
        lines = (known | {name: numbers_of(name)}).items()
        GOLDEN.write_text("{\n" + ",\n".join(f" {json.dumps(k)}: {v}" for k, v in lines) + "\n}\n")
        pytest.skip("written anew")
    assert numbers_of(name) == pytest.approx(known[name], rel=1e-9)

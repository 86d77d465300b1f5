"""Trains in a process of its own, for tests that kill it.

Each line of the input, "VARIANT FOLDER", forks a process that takes up the training in the folder, or begins it.
The answer is its number, then its exit code: 0 done, 3 interrupted, 130 interrupted twice, -9 killed. Torch is loaded
once, so a process costs milliseconds.
"""

import os
import sys
import time
import traceback
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from ostinato.layers import BatchNorm, Chain, Windowed
from training.problem import make_net, make_trainer, validation_loss

STREAMS = {
    "optimizer": "AdamW",
    "schedule": "OneCycleLR",
    "clip_norm": 1.0,
    "input_noise": 0.1,
    "streams": 4,
    "update_every": 4,
    "epochs": 8,
    "checkpoint_seconds": 0.0,
}
VARIANTS = {
    "streams": STREAMS,
    "older": STREAMS | {"gradient_steps": 12},
    "windows": STREAMS | {"sampler": "windows", "window": 4, "windows": 13, "epochs": 6},
    "slow": STREAMS,
}


def make_windowed():
    """A network on fixed windows, with statistics of the batch."""
    mlp = nn.Sequential(nn.Flatten(), nn.Linear(4 * 3, 6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, 1))
    return Chain(norm=BatchNorm(3), mlp=Windowed(mlp, length=4, input_size=3, output_size=1))


def sleep_first(layer):
    """A validation that takes a while."""
    time.sleep(30)
    return validation_loss(layer)


def train(variant, folder):
    """Train, and say how it ended."""
    torch.manual_seed(11)
    net = make_windowed() if variant == "windows" else make_net(dropout=0.2)
    validate = sleep_first if variant == "slow" else validation_loss
    trainer = make_trainer(Path(folder), net=net, validate=validate, **VARIANTS[variant])
    trainer.resume()
    return 3 if trainer.run().stopped == "interrupted" else 0


def child(variant, folder):
    """Train, and end without returning."""
    code = 1
    try:
        code = train(variant, folder)
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def serve():
    """Fork for each line."""
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            child(*line.rstrip("\n").split(" ", 1))
        print(number, flush=True)
        _, status = os.waitpid(number, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_trainer(epochs=1).run()  # at its first update torch loads more of itself, which takes a second
    serve()

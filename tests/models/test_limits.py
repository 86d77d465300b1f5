"""Sizes that a config allows one by one, but not together. Nothing here may take memory: no test would survive it."""

import pytest
import torch

from ostinato.core import leaves
from ostinato.errors import ConfigError
from ostinato.models import MODELS, build, config_for
from ostinato.models.limits import MOST_NUMBERS, MOST_PARAMETERS, MOST_STATE_BYTES, MOST_STEPS

HOSTILE = [
    (
        "tcn",
        {"levels": 64},
        "with 64 levels and kernel_size 3 it would look back 73,786,976,294,838,206,461 steps",
    ),
    (
        "tcn",
        {"levels": 19, "kernel_size": 2},
        "it would look back 1,048,575 steps, at most 1,000,000 are allowed",
    ),
    ("tcn", {"levels": 13, "channels": 4096, "kernel_size": 2}, "this tcn would have 839,241,729 parameters"),
    ("tcn", {"levels": 18, "channels": 256, "kernel_size": 2}, "this tcn would keep 53"),
    (
        "lstm",
        {"units": 4096, "layers": 64},
        "this lstm would have 8,525,139,969 parameters, at most 268,435,456",
    ),
    ("gru", {"units": 4096, "layers": 64}, "this gru would have "),
    ("rnn", {"units": 4096, "layers": 64}, "this rnn would have "),
    ("cnn", {"window": 65_536}, "this cnn would hold 65,536 steps of 13 features for every window"),
    ("cnn", {"window": 10_000, "channels": [4096, 1]}, "this cnn would hold 10,000 steps of 4,096 features"),
    ("cnn", {"window": 2048, "channels": [1, 1, 1024]}, "this cnn would hold 512 steps of 1,024 features"),
    ("cnn", {"window": 8192, "channels": [1, 32], "units": 4096}, "this cnn would have 268,"),
    ("cnn", {"channels": [4096] * 16, "kernel_size": 1023}, "this cnn would have "),
    ("mlp", {"window": 65_536}, "this mlp would hold 65,536 steps of 13 features for every window"),
    ("mlp", {"units": 4096, "layers": 64}, "this mlp would have 1,0"),
]


@pytest.mark.parametrize(
    ("name", "options", "sentence"), HOSTILE, ids=[f"{n}-{place}" for place, (n, _, _) in enumerate(HOSTILE)]
)
def test_too_large_a_network_is_refused_in_a_sentence(name, options, sentence):
    with pytest.raises(ConfigError, match=r"allowed.*[Cc]hoose") as caught:
        build(name, options, input_size=13, head=1)
    assert sentence in str(caught.value)


LARGEST = {
    "cnn": {"window": 10_000, "channels": [13, 26, 52], "units": 64},
    "gru": {"units": 1024, "layers": 32},
    "lstm": {"units": 4096, "layers": 1},
    "mlp": {"window": 10_000, "units": 1024, "layers": 64},
    "rnn": {"units": 4096, "layers": 7},
    "tcn": {"levels": 18, "channels": 64, "kernel_size": 2},
}


@pytest.mark.parametrize("name", MODELS)
def test_what_is_allowed_stays_within_the_limits(name):
    with torch.device("meta"):
        model = build(name, LARGEST[name], input_size=13, head=1)
        state = model.initial_state(1, torch.float32)
    assert sum(parameter.numel() for parameter in model.parameters()) <= MOST_PARAMETERS
    assert sum(leaf.nbytes for leaf in leaves(state)) <= MOST_STATE_BYTES
    assert model.recurrent or model.receptive_field <= MOST_STEPS


@pytest.mark.parametrize(("window", "allowed"), [(MOST_NUMBERS // 13, True), (MOST_NUMBERS // 13 + 1, False)])
def test_the_largest_window_is_exact(window, allowed):
    options = {"window": window, "units": 1}
    with torch.device("meta"):
        if allowed:
            assert build("mlp", options, 13, 1).receptive_field == window
        else:
            with pytest.raises(ConfigError):
                build("mlp", options, 13, 1)


def test_a_config_can_be_read_however_large_it_is():
    """Only building looks at what fields cost together, but for the steps that a TCN looks back."""
    assert config_for("lstm", {"units": 4096, "layers": 64})

"""Models by name, and what is said when a config is wrong."""

import pytest
import torch

from contract.registry import LAYERS
from contract.registry.models import MODEL_OPTIONS
from ostinato.core import SequenceLayer
from ostinato.errors import ConfigError
from ostinato.models import MODELS, build, config_for


def refusal(name, options=None) -> str:
    with pytest.raises(ConfigError) as caught:
        config_for(name, options)
    return str(caught.value)


def test_every_model_is_in_the_registry_of_the_contract():
    assert set(MODEL_OPTIONS) == set(MODELS), (
        "add the model to MODEL_OPTIONS in tests/contract/registry/models.py"
    )
    for name in MODELS:
        assert {f"model-{name}", f"forecast-{name}"} <= set(LAYERS)


@pytest.mark.parametrize("name", MODELS)
def test_defaults_make_a_layer_that_streams(name):
    model = build(name, {}, input_size=13, head=2).eval()
    assert isinstance(model, SequenceLayer)
    assert (model.input_size, model.output_size) == (13, 2)
    assert (model.streams, model.stride, model.latency) == (True, 1, 0)
    assert model(torch.zeros(2, 3, 13))[0].shape == (2, 3, 2)


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_makes_the_same_weights(name):
    made = []
    for _ in range(2):
        torch.manual_seed(5)
        made.append(build(name, MODEL_OPTIONS[name], 3, 1).state_dict())
    assert all(torch.equal(a, b) for a, b in zip(*(state.values() for state in made), strict=True))


def test_the_nearest_name_is_offered():
    assert refusal("lsmt").startswith("no model is called 'lsmt'. Did you mean 'lstm'? Models: cnn, gru, ")


def test_a_name_like_no_other_is_not_guessed():
    assert refusal("transformer").startswith("no model is called 'transformer'. Models: ")


def test_the_nearest_field_is_offered():
    expected = "model lstm has no field 'unit'. Did you mean 'units'? Fields: units, layers, dropout."
    assert refusal("lstm", {"unit": 3}) == expected


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("lstm", {"units": 0}, "model lstm: units is 0. Input should be greater than or equal to 1."),
        ("gru", {"units": 4097}, "model gru: units is 4097. Input should be less than or equal to 4096."),
        ("rnn", {"dropout": 1.0}, "model rnn: dropout is 1.0. Input should be less than 1."),
        ("lstm", {"units": True}, "model lstm: units is True. Input should be a valid integer."),
        ("lstm", {"units": "64"}, "model lstm: units is '64'. Input should be a valid integer."),
        ("lstm", {"units": 64.0}, "model lstm: units is 64.0. Input should be a valid integer."),
        ("lstm", {"dropout": float("nan")}, "model lstm: dropout is nan. "),
        ("cnn", {"channels": []}, "model cnn: channels is (). Tuple should have at least 1 item"),
        ("cnn", {"channels": [8, True]}, "model cnn: channels.1 is True. Input should be a valid integer."),
        (
            "cnn",
            {"kernel_size": 4},
            "model cnn: kernel_size is 4. The kernel must have an odd number of steps.",
        ),
        (
            "mlp",
            {"window": 65_537},
            "model mlp: window is 65537. Input should be less than or equal to 65536.",
        ),
    ],
)
def test_a_value_that_cannot_be_is_named(name, options, sentence):
    assert refusal(name, options).startswith(sentence)


def test_a_value_from_a_hostile_file_is_quoted_briefly():
    for options in ({"units": "9" * 100_000}, {"units": [7] * 100_000}, {"x" * 100_000: 1}):
        assert len(refusal("lstm", options)) < 400
    assert len(refusal("x" * 100_000)) < 400


def test_json_lists_are_tuples():
    assert config_for("cnn", {"channels": [8, 4]}).channels == (8, 4)

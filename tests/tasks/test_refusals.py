"""A user's mistake is a sentence, and leaves nothing behind."""

import pytest
import torch

from ostinato.errors import ConfigError, DataError
from ostinato.tasks.forecasting import fit
from ostinato.tasks.forecasting.targets.direction import probability
from tasks.conftest import cut

WRONG = [
    ({"model": "lsmt"}, "no model is called 'lsmt'. Did you mean 'lstm'"),
    ({"options": {"unit": 3}}, "model lstm has no field 'unit'. Did you mean 'units'"),
    ({"model": "cnn", "options": {"kernel_size": 4}}, "kernel_size is 4. The kernel must have an odd number"),
    ({"options": {"units": 4096, "layers": 64}}, "this lstm would have 8,52"),
    ({"model": "tcn", "options": {"levels": 64}}, "it would look back 73,786,976,294,838,206,461 steps"),
    ({"training": {"epoch": 3}}, "training has no field 'epoch'. Did you mean 'epochs'"),
    ({"training": {"epochs": 0}}, "training: epochs is 0. Input should be greater than or equal to 1."),
    ({"training": {"optimizer": "Adamm"}}, "no optimizer is called 'Adamm'. Did you mean 'Adam"),
    ({"training": {"schedule": "OneCycle"}}, "no schedule is called 'OneCycle'. Did you mean 'OneCycleLR'"),
    ({"training": {"optimizer_options": {"beta": 1}}}, r"AdamW .* options.* 'beta'"),
    (
        {"training": {"update_every": 8, "gradient_steps": 12}},
        "training: gradient_steps must be a multiple of",
    ),
    (
        {"recipe": {"feature_window": [4]}},
        "data has no field 'feature_window'. Did you mean 'feature_windows'",
    ),
    (
        {"recipe": {"feature_windows": [1]}},
        "data: feature_windows.0 is 1. Input should be greater than or equal to 2.",
    ),
    (
        {"recipe": {"target": "directon"}},
        "simulated market .seed 3. holds trades, from which direction and return can be forecast, not 'directon'. Did",
    ),
    ({"recipe": {"horizons": [1, 2]}}, "data: a direction is forecast at one horizon; choose one"),
    ({"recipe": {"horizon": 0}}, "data: horizon is 0. Input should be greater than or equal to 1."),
    (
        {"recipe": {"target": "return", "horizons": [2, 1]}},
        "data: horizons is .2, 1.. The numbers must ascend",
    ),
    (
        {"recipe": {"target": "return", "form": "gaussian"}},
        "data: form is 'gaussian'. Input should be 'quantiles', 'free_quantiles', 'student_t' or 'point'",
    ),
    (
        {"recipe": {"target": "return", "levels": [0.1, 1.0]}},
        "data: levels.1 is 1.0. Input should be less than 1",
    ),
    (
        {"recipe": {"target": "load", "horizon": 10_000, "levels": [k / 100 for k in range(1, 100)]}},
        "data: 10,000 horizons of 99 quantiles would be 990,000 numbers at every step, at most 100,000 are",
    ),
    (
        {"recipe": {"fractions": [0.5, 0.5, 0.5]}},
        r"Fractions of train, validation and test must be .* add up to 1",
    ),
    ({"seed": -1}, "training: seed is -1. Input should be greater than or equal to 0."),
]


@pytest.mark.parametrize(("choices", "sentence"), WRONG, ids=[str(choices)[:60] for choices, _ in WRONG])
def test_a_wrong_choice_is_named_before_anything_is_written(trades, tmp_path, choices, sentence):
    with pytest.raises(ConfigError, match=sentence):
        fit(trades, tmp_path / "run", **choices)
    assert not (tmp_path / "run").exists()


def test_a_wrong_choice_does_not_cost_the_run_that_was_to_be_replaced(trades, copied):
    before = {path.name: path.read_bytes() for path in copied.iterdir()}
    for choices, _ in WRONG:
        with pytest.raises(ConfigError):
            fit(trades, copied, force=True, **choices)
    assert {path.name: path.read_bytes() for path in copied.iterdir()} == before


@pytest.mark.parametrize(
    ("rows", "choices", "sentence"),
    [
        (3, {}, "3 rows are too few: the validation part has 0"),
        (
            300,
            {},
            r"300 trades are too few: 209 to train on, and the longest window of the features is 512\. Bring",
        ),
        (
            100,
            {"model": "cnn", "options": {"window": 70}, "recipe": {"feature_windows": [4]}},
            "100 trades are too few: 69 to train on, and the longest window of the network is 70",
        ),
        (
            30,
            {"recipe": {"feature_windows": [4]}},
            "30 trades are too few: the test part has 5 trades with a label, at least 8 are needed",
        ),
    ],
)
def test_too_few_trades_are_refused_before_training(trades, tmp_path, rows, choices, sentence):
    with pytest.raises(DataError, match=sentence):
        fit(cut(trades, rows), tmp_path / "run", **choices)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("model", ["lstm", "cnn"])
def test_the_fewest_trades_that_are_not_refused_are_enough(trades, tmp_path, model):
    options = {"window": 3} if model == "cnn" else {"units": 2}
    done = fit(
        cut(trades, 43),
        tmp_path / "run",
        model,
        options=options,
        training={"epochs": 1},
        recipe={"feature_windows": [4]},
    )
    assert done.results is not None


def test_a_forecast_that_is_not_a_number_is_refused():
    with pytest.raises(DataError, match="forecast in row 2 is not a number"):
        probability(torch.tensor([[0.0], [90.0], [float("nan")]]))

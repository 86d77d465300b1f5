"""A trained model is a layer still: training and judging it broke none of the promises."""

import pytest

from contract.inputs import trades as draw
from contract.registry.models import MODEL_OPTIONS
from ostinato.checks import check_layer
from ostinato.models import MODELS
from ostinato.tasks.forecasting import fit, open_run
from tasks.conftest import TRAINING

ALWAYS = ("lstm", "tcn")  # a state without end and a window; training wraps the others in the same way


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ALWAYS else [pytest.mark.slow]) for name in MODELS]
)
def test_a_trained_model_keeps_its_promises(trades, tmp_path, name):
    fit(
        trades,
        tmp_path / "run",
        name,
        options=MODEL_OPTIONS[name],
        training=TRAINING | {"epochs": 1},
        recipe={"feature_windows": [3, 5]},  # shorter than the steps of the checks
    )
    check_layer(open_run(tmp_path / "run").model, inputs=draw)

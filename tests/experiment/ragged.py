"""A second task, as a stranger would write one: sequences of any length, each with one number as its label.

A CSV has the columns ``sequence``, ``label`` and features; the rows of a sequence lie together, in the order of time.
"""

import hashlib

import numpy as np
import polars as pl
import torch
from sklearn.linear_model import Ridge

from ostinato.data.buckets import Buckets
from ostinato.data.example_folds import folds_of_examples, split_examples
from ostinato.data.examples import Examples
from ostinato.errors import DataError
from ostinato.experiment import BaselineScores, DataSection, Predictions, Prepared, Task
from ostinato.layers import Chain, StandardScaler
from ostinato.models import build
from ostinato.training.prediction import mean_loss, predict_examples


class RaggedRecipe(DataSection):
    """Its data section: the seed of the split, and how many features there are."""

    split: int = 0
    features: int = 0


class Sequences:
    """What the CSV holds, as examples."""

    def __init__(self, frame, source):
        parts = frame.partition_by("sequence", maintain_order=True)
        x = [torch.tensor(part.drop("sequence", "label").to_numpy()).float() for part in parts]
        self.label = np.array([part["label"][0] for part in parts])
        self.examples = Examples.of(x, torch.tensor(self.label).float())
        self.frame, self.source, self.report = frame, str(source), self

    def __len__(self):
        return len(self.examples)

    def lines(self):
        return [f"read {len(self)} sequences from {self.source}"]


class Ragged(Task[RaggedRecipe, Sequences]):
    """A number for each sequence."""

    name, recipe = "ragged", RaggedRecipe
    facts = (*DataSection.model_fields, "features")
    columns = {"row": pl.Int64, "actual": pl.Float64, "predicted": pl.Float64}  # noqa: RUF012

    def read(self, source, recipe):
        if isinstance(source, Sequences):
            return source
        try:
            return Sequences(pl.read_csv(source), source)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"cannot read {source}: {str(error).splitlines()[0]}.") from None

    def digest(self, data):
        return hashlib.sha256(data.examples.x.numpy().tobytes() + data.label.tobytes()).hexdigest()

    def settle(self, recipe, data, fold=None):
        features = data.examples.x.shape[1]
        return super().settle(recipe, data, fold).model_copy(update={"features": features})

    def folds(self, recipe, data, count=1, window="expanding"):
        if count == 1:
            return [split_examples(len(data), seed=recipe.split)]
        return folds_of_examples(len(data), count, seed=recipe.split)

    def write_data(self, folder, data):
        folder.mkdir()
        data.frame.write_csv(folder / "data.csv")

    def read_data(self, folder):
        return self.read(folder / "data.csv", None)

    def build(self, recipe, model, options):
        network = build(model, options, recipe.features, 1)
        return Chain(scaler=StandardScaler(recipe.features), network=network)

    def network(self, model):
        return model.network

    def prepare(self, recipe, data, fold, model, training):
        train, held_out = (
            data.examples.take(torch.from_numpy(part)) for part in (fold.train, fold.validation)
        )
        model.scaler.fit(train.x)

        def batches(part):
            scaled = Examples(model.scaler(part.x[None])[0][0], part.offsets, part.target, part.weight)
            return Buckets(scaled, training.windows, training.seed)

        validation = batches(held_out)
        return Prepared(batches(train), squared, lambda network: mean_loss(network, validation, squared))

    def measure(self, recipe):
        return "mse"

    def predict_rows(self, run, data, rows):
        asked = Buckets(data.examples.take(torch.from_numpy(rows)), 64, shuffle=False)
        return predict_examples(run.model, asked)[:, 0].double().numpy()

    def row_metrics(self, recipe, data, rows, predictions, fold):
        return {"mse": (predictions - data.label[rows]) ** 2, "mae": np.abs(predictions - data.label[rows])}

    def baselines(self, recipe, data, rows, fold):
        """The mean over the steps of a linear model's outputs: that of the mean step."""
        mean = np.stack([data.examples[row].mean(0).numpy() for row in range(len(data))])
        linear = Ridge().fit(mean[fold.used], data.label[fold.used])
        found = self.row_metrics(recipe, data, rows, linear.predict(mean[rows]), fold)
        return BaselineScores({"linear_mean": found})

    def frame(self, recipe, data, rows, predictions):
        return pl.DataFrame({"row": rows, "actual": data.label[rows], "predicted": predictions})

    def predict(self, run, data, chunk=None, last=None):
        rows = np.arange(len(data))[-last if last else 0 :]
        return Predictions(self.frame(run.recipe, data, rows, self.predict_rows(run, data, rows)))


def squared(y, target):
    """The loss of each answer."""
    return (y[..., 0] - target) ** 2

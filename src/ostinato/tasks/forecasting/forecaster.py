"""``Forecaster``: forecasting with the estimator interface of scikit-learn.

forecaster = Forecaster("gru", target="return", horizon=24).fit(frame)
forecaster.predict(frame, last=1)
forecaster.score(frame)
"""

import inspect
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self

from ...data.reading import listed_names
from ...errors import ConfigError, DataError, OstinatoError, did_you_mean
from ...experiment.evaluating import evaluate
from ...experiment.task import Run
from ...runs.results import Results
from .predicting import predict
from .reading import Data
from .recipe import Recipe
from .task import fit


class _KeptFolder:
    """A temporary folder, removed when the last forecaster that shares it is deleted; copies share it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="ostinato-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise OstinatoError(
            "a fitted forecaster whose run lies in a temporary folder cannot be pickled: the folder goes with this "
            "process. Make it with out=, a folder of yours, and open that with open_run; or pickle it before fit."
        )


class Forecaster:
    """A forecaster with fit, predict and score; scikit-learn can clone it and set its parameters.

    Args:
        model: a name in ``ostinato.models.MODELS``.
        target: "direction", "return", or columns of a table with commas between.
        horizon: rows ahead; of a column every step up to it.
        bars: bars to build from trades: 1m, 100t, 10v.
        id: a column that tells several series apart.
        known, covariates: columns known in advance, and further columns to learn from.
        recipe, options, training: further fields of ``Recipe``, of the model's config and of ``TrainingConfig``.
        seed: of weights, order and noise.
        device: "cpu" or "cuda".
        out: the run folder, which must be new; None keeps the run in a temporary folder as long as the forecaster
            exists.

    Attributes, once it is fitted:
        run_: the run, whose folder ``open_run`` and the commands understand.
        results_: metrics of the test part beside those of the baselines.

    Data are what ``fit`` takes: trades, a panel, a path, or a data frame of pandas, polars or arrow, in the order of
    time. There is no y: the target is part of the data.
    """

    run_: Run[Recipe]
    results_: Results

    def __init__(
        self,
        model: str = "lstm",
        target: str = "direction",
        horizon: int = 1,
        *,
        bars: str = "",
        id: str = "",
        known: Sequence[str] = (),
        covariates: Sequence[str] = (),
        recipe: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        seed: int = 0,
        device: str = "cpu",
        out: Path | str | None = None,
    ) -> None:
        # stored unchanged and validated when used: scikit-learn requires that a clone has the same parameters
        self.model, self.target, self.horizon = model, target, horizon
        self.bars, self.id, self.known, self.covariates = bars, id, known, covariates
        self.recipe, self.options, self.training = recipe, options, training
        self.seed, self.device, self.out = seed, device, out

    def fit(self, data: Data, y: None = None) -> Self:
        """Train on the first part of the data, choose weights on the second, evaluate on the last.

        Raises:
            ConfigError: a parameter is wrong.   DataError: the data cannot be used.   RunError: the folder cannot.
        """
        if y is not None:
            raise ConfigError("a forecaster takes no y: name what is forecast with target.")
        out: Path | str
        if self.out is None:
            kept = _KeptFolder()
            out = kept.path / "run"
        else:
            kept, out = None, self.out
        done = fit(
            data,
            out,
            self.model,
            options=self.options,
            training=self.training,
            recipe=self._recipe(),
            seed=self.seed,
            device=self.device,
        )
        if done.results is None:
            raise KeyboardInterrupt
        self.run_, self.results_, self._kept = done.run, done.results, kept
        return self

    def predict(self, data: Data, last: int | None = None) -> Any:
        """A forecast for every row, or for the last rows of each series, as ``predict`` of the task returns it."""
        return predict(self._fitted(), data, last=last)

    def score(self, data: Data, y: None = None) -> float:
        """Skill on the test part: 1 - loss / loss of the best baseline; above 0 the model is better than all baselines.

        Source:
            Murphy 1988, Monthly Weather Review 116, 2417-2424, equation 1.
        """
        found = evaluate(self._fitted(), data)
        losses = [metrics[found.measure] for metrics in found.baselines.values()]
        ours, best = (
            found.test[found.measure],
            min((loss for loss in losses if loss is not None), default=None),
        )
        if ours is None or not best:
            raise DataError(
                "there is no skill to score: a baseline is never wrong on these rows, or none can be judged."
            )
        return 1.0 - ours / best

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters.

        Raises:
            ConfigError: there is none of that name.
        """
        for name, value in parameters.items():
            if name not in self._names():
                raise ConfigError(
                    f"a forecaster has no parameter {name!r}.{did_you_mean(name, self._names())} "
                    f"Parameters: {', '.join(self._names())}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """Only what differs from the defaults."""
        usual = inspect.signature(type(self)).parameters
        said = [
            f"{name}={value!r}" for name, value in self.get_params().items() if value != usual[name].default
        ]
        return f"Forecaster({', '.join(said)})"

    @classmethod
    def _names(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)

    def _recipe(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in ("target", "horizon", "bars", "id")}
        lists = {name: listed_names(getattr(self, name)) for name in ("known", "covariates")}
        return given | {"horizon": int(self.horizon)} | lists | dict(self.recipe or {})

    def _fitted(self) -> Run[Recipe]:
        if not hasattr(self, "run_"):
            raise OstinatoError("this forecaster is not fitted yet. Call fit before predict and score.")
        return self.run_

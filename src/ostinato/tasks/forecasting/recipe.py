"""``Recipe``: the data section of a forecast's config, from how data are read to what is forecast.

Axes: N rows.
"""

import hashlib
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ...data.folds import Fold, folds_of
from ...data.layout import Every, Layout
from ...data.panel import Kind, Panel
from ...data.splits import check_fractions
from ...errors import ConfigError, did_you_mean
from ...experiment.data_section import Digest, validated_section
from ...runs.predictions import quantile_name
from .calendars import MOST_KNOWN, calendar_parts

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
# far beyond every calendar; an absurd time would make every waiting time infinite
Seconds = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
# the work of every step grows with the window
FeatureWindow = Annotated[int, Field(ge=2, le=10_000)]
Halflife = Annotated[float, Field(gt=0.0, le=1e9, allow_inf_nan=False)]
Horizon = Annotated[int, Field(ge=1, le=10_000)]
Text = Annotated[str, Field(max_length=200)]
Names = Annotated[tuple[Text, ...], Field(max_length=200)]
Form = Literal["quantiles", "free_quantiles", "student_t", "point"]

MOST_OUTPUTS = 100_000  # numbers that a model may give at each step
LISTS = ("fractions", "feature_windows", "horizons", "levels", "bounds", "lags", "halflives", "volatilities")
TUPLES = (*LISTS, "calendar", "inputs", "targets", "known", "covariates")

# facts that follow from the data
FACTS = (
    *("source", "kind", "inputs", "targets", "step", "season", "origin", "rows", "digest"),
    *("fitted_rows", "fitted_from", "fitted_until", "prefix", "layout"),
)
NEEDED = {"trades": ("price", "amount"), "bars": ("open", "high", "low", "close", "volume")}


class Recipe(BaseModel):
    """The data section of a run's config.

    What is forecast:
        target: "direction": whether the price ``horizon`` rows on is strictly higher than this one's; flat counts as
            not up. "return": the logarithm of the price then over the price now. Anything else names the columns of a
            table, separated by commas.
        horizon: rows ahead. For columns every step up to it is forecast, for a direction or a return only this one.
        horizons: the steps ahead themselves, where others are wanted.
        form: of the distribution of a value. "quantiles": those of the training rows, moved and stretched;
            "free_quantiles": each on its own; "student_t"; "point": the mean alone, by squared error.
        levels: of the quantiles.

    What is read (``data.reading.read_panel``):
        columns (by role), bars, id, known, covariates, time_zone, time_unit, holidays.

    How it is cut:
        fractions: of train, validation and test; bounds: where each ends instead, as rows or times.

    What the model sees:
        feature_windows: in trades, of ``layers.TradeFeatures``.
        lags, halflives, volatilities: in rows, of ``layers.LevelFeatures``; None chooses by the data's season.
        calendar: parts of the calendar; None chooses by the step.
        scale_halflife: in rows, of the volatility that returns are measured in.

    Facts, filled in by ``of``:
        kind, inputs (columns that the model reads), targets, step, season.
        origin: seconds since the Unix epoch that the model's times count from.
        rows, digest: of the data the run was fitted on, to know them again.
        fold, of_folds, fold_window: which fold of which walk the run was fitted on, from 0.
        fitted_rows: how many of the first rows fitting and validation looked at, of a single series.
        fitted_from, fitted_until: seconds since the Unix epoch of the first and the last row that fitting and
            validation looked at. None in runs from before there was such a field.
        layout: what was decided about the source (``data.layout``), by which every later one is read. None in runs from
            before there was such a field, and of panels that were not read: each source is then decided by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: str = ""
    target: Text = "direction"
    horizon: Horizon = 1
    horizons: tuple[Horizon, ...] | None = Field(None, min_length=1, max_length=10_000)
    form: Form = "quantiles"
    levels: tuple[Share, ...] = Field(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), min_length=1, max_length=99
    )

    columns: dict[Text, Text] = Field({}, max_length=100)
    bars: Text = ""
    id: Text = ""
    known: Names = ()
    covariates: Names = ()
    time_zone: Text | None = None
    time_unit: Text | None = None
    holidays: Text = ""

    fractions: tuple[Share, Share, Share] = (0.7, 0.1, 0.2)
    bounds: tuple[int | Text, int | Text, int | Text] | None = None

    feature_windows: tuple[FeatureWindow, ...] = Field((8, 32, 128, 512), max_length=16)
    lags: tuple[Horizon, ...] | None = Field(None, max_length=64)
    halflives: tuple[Halflife, ...] | None = Field(None, max_length=64)
    volatilities: tuple[Halflife, ...] | None = Field(None, max_length=64)
    calendar: tuple[Literal["minute", "hour", "weekday", "yearday"], ...] | None = None
    scale_halflife: Halflife = 192.0

    kind: Kind = "trades"
    inputs: Names = ("price", "amount")
    targets: Names = ()
    step: Seconds | None = None
    season: Horizon | None = None
    origin: Seconds = 0.0
    rows: int = Field(default=0, ge=0)
    digest: Digest | None = None
    fold: int = Field(0, ge=0, le=10_000)
    of_folds: int = Field(1, ge=1, le=10_000)
    fold_window: Literal["expanding", "rolling"] = "expanding"
    fitted_rows: int | None = Field(None, ge=0)
    fitted_from: Seconds | None = None
    fitted_until: Seconds | None = None
    prefix: Digest | None = Field(default=None, exclude=True)  # in older runs; nothing reads it
    layout: Layout | None = None

    @field_validator(*TUPLES, mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: object, info: Any) -> object:
        if isinstance(value, str) and info.field_name in ("known", "covariates", "calendar"):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return tuple(value) if isinstance(value, list) else value  # JSON has no tuples

    @field_validator("fractions")
    @classmethod
    def _fractions_are_a_whole(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        check_fractions(value)
        return value

    @field_validator("horizons", "levels")
    @classmethod
    def _ascend(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value and any(low >= high for low, high in pairwise(value)):
            raise ValueError("the numbers must ascend")
        return value

    @field_validator("levels")
    @classmethod
    def _have_names(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        try:
            names = [quantile_name(level) for level in value]
        except ConfigError as error:
            raise ValueError(str(error).rstrip(".")) from None
        if len(set(names)) < len(names):
            raise ValueError("two levels are the same but for rounding")
        return value

    @model_validator(mode="after")
    def _is_bounded(self) -> "Recipe":
        lost = next((name for name in NEEDED.get(self.kind, self.targets) if name not in self.inputs), None)
        if lost is not None:
            raise ValueError(
                f"{self.kind} cannot do without the column {lost!r}, which is not among the inputs"
            )
        if self.kind == "table" and (self.of_prices or not self.targets):
            raise ValueError("a table needs target columns, and none of its columns is among the targets")
        if self.layout is not None and (self.layout.source == "table") == self.of_prices:
            raise ValueError(
                f"the target {self.target!r} cannot be forecast from a layout of {self.layout.source}"
            )
        numbers = max(len(self.targets), 1) * len(self.ahead) * len(self.levels)
        if self.target == "direction" and len(self.ahead) > 1:
            raise ValueError("a direction is forecast at one horizon; choose one")
        if numbers > MOST_OUTPUTS:
            columns = f"{len(self.targets):,} columns at " if len(self.targets) > 1 else ""
            raise ValueError(
                f"{columns}{len(self.ahead):,} horizons of {len(self.levels)} quantiles would be "
                f"{numbers:,} numbers at every step, at most {MOST_OUTPUTS:,} are allowed"
            )
        return self

    @property
    def of_prices(self) -> bool:
        """Whether a price is forecast, not the columns of a table."""
        return self.target in ("direction", "return")

    @property
    def ahead(self) -> tuple[int, ...]:
        """The steps ahead that are forecast."""
        if self.horizons is not None:
            return self.horizons
        return (self.horizon,) if self.of_prices else tuple(range(1, self.horizon + 1))

    @property
    def purge(self) -> int:
        """Rows by which a label looks ahead."""
        return self.ahead[-1]

    @property
    def known_ahead(self) -> tuple[int, ...]:
        """The steps ahead at which the model sees the known-in-advance columns: the horizons, or some of them."""
        if not self.known_inputs:
            return ()
        most = max(MOST_KNOWN // len(self.known_inputs), 1)
        places = np.unique(
            np.linspace(0, len(self.ahead) - 1, min(most, len(self.ahead))).round().astype(int)
        )
        return tuple(self.ahead[place] for place in places)

    @property
    def known_inputs(self) -> tuple[str, ...]:
        """Known-in-advance columns, including the holidays."""
        return (*self.known, "holiday") if self.holidays and "holiday" not in self.known else self.known

    def of(self, panel: Panel) -> "Recipe":
        """The recipe completed by the facts of these data.

        Raises:
            DataError: they are too few to be split, or they lack a column.
            ConfigError: the target cannot be forecast from data of this kind, or there are so many columns that
                the recipe of a run could not be opened again.
        """
        facts = {
            "source": panel.report.source,
            "kind": panel.kind,
            "inputs": tuple(panel.values),
            "targets": self._targets(panel),
            "step": panel.step,
            "season": panel.season,
            "origin": float(np.floor(panel.time.min())),
            "rows": len(panel),
            "digest": digest(panel),
            "layout": None if (layout := layout_of(panel)) is None else layout.model_dump(),
        }
        if self.calendar is None:
            facts["calendar"] = calendar_parts(panel, self.purge)
        made = recipe_from(self.model_dump() | facts)  # checked again, before training: a run must open
        return made.fitted_on(panel, made.folds(panel)[0])

    def _targets(self, panel: Panel) -> tuple[str, ...]:
        """The columns to forecast; none where the target is a price."""
        if self.of_prices:
            return ()
        if panel.kind != "table":
            raise ConfigError(
                f"{panel.report.source} holds {panel.kind}, from which direction and return can be forecast, not "
                f"{self.target!r}.{did_you_mean(self.target, ('direction', 'return'))}"
            )
        target = self.target.strip()  # a column's name may contain commas
        names = (target,) if target in panel.values else tuple(part.strip() for part in target.split(","))
        for name in names:
            panel.column(name)
        return names

    def fitted_on(self, panel: Panel, fold: Fold) -> "Recipe":
        """The recipe with the span of time that a fold used."""
        times = panel.time[fold.used]
        return self.model_copy(
            update={
                "fold": fold.number,
                "of_folds": fold.count,
                "fold_window": fold.window,
                "fitted_rows": int(fold.used.max()) + 1,
                "fitted_from": float(times.min()),
                "fitted_until": float(times.max()),
            }
        )

    def own_fold(self, panel: Panel) -> Fold:
        """The fold of the data that the run was fitted on."""
        return self.folds(panel, self.of_folds, self.fold_window)[self.fold]

    @property
    def rows_fitted(self) -> int:
        """``fitted_rows``; runs from before there was such a field were cut by fractions."""
        return round(self.rows * sum(self.fractions[:2])) if self.fitted_rows is None else self.fitted_rows

    def folds(
        self, panel: Panel, count: int = 1, window: Literal["expanding", "rolling"] = "expanding"
    ) -> list[Fold]:
        """Train, validation and test rows, purged by the horizon."""
        return folds_of(panel, self.purge, self.fractions, self.bounds, count, window)

    def begins(self, panel: Panel) -> bool:
        """Whether these data begin with all rows of the run, however many came later."""
        if len(panel.starts) > 1:
            return len(panel) == self.rows and digest(panel) == self.digest
        return len(panel) >= self.rows > 0 and digest(panel, self.rows) == self.digest

    def overlaps(self, panel: Panel) -> bool:
        """Whether some of these rows lie within the span of time that the run was fitted on."""
        if self.fitted_from is None or self.fitted_until is None:
            return False
        return bool(((panel.time >= self.fitted_from) & (panel.time <= self.fitted_until)).any())


def recipe_from(options: dict[str, object]) -> Recipe:
    """The validated recipe.

    Raises:
        ConfigError: a field is unknown or out of range.
    """
    return validated_section(Recipe, options)


def layout_of(panel: Panel) -> Layout | None:
    """The layout of a panel; if it was not read from a source, as far as the panel states it."""
    if panel.layout is not None or panel.step is None or panel.kind == "trades":
        return panel.layout
    return Layout(source=panel.kind, every=Every.seconds_apart(panel.step))


def digest(panel: Panel, rows: int | None = None) -> str:
    """SHA-256 of the first ``rows`` rows: times, then column by column."""
    found = hashlib.sha256()
    for column in (panel.time, *panel.values.values()):
        found.update(np.ascontiguousarray(column[:rows], dtype="<f8").tobytes())
    return found.hexdigest()

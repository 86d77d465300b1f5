"""Small run folders, written by the writers of ``runs`` alone: no training, no torch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ostinato.runs import (
    ModelFacts,
    Results,
    RunConfig,
    RunFolder,
    SkillTest,
    SkillTests,
    TrainingFacts,
    append_line,
    write_config,
    write_predictions,
    write_results,
)
from ostinato.runs.comparison import ComparedBaseline, ComparedModel, Comparison, write_comparison
from ostinato.runs.results import PartFacts

START = 1_600_000_000.0
HOUR = 3600.0
LEVELS = (10, 20, 30, 40, 50, 60, 70, 80, 90)
NORMAL = (
    -1.2816,
    -0.8416,
    -0.5244,
    -0.2533,
    0.0,
    0.2533,
    0.5244,
    0.8416,
    1.2816,
)  # quantiles, Abramowitz & Stegun


def value_frame(rows: int, horizons: tuple[int, ...] = (1,), seed: int = 0, series: int = 1) -> pl.DataFrame:
    """Noise whose quantiles are forecast as they are."""
    draw = np.random.default_rng(seed)
    frames = []
    for horizon in horizons:
        actual = draw.normal(size=rows * series)
        columns = {
            "row": np.arange(1000, 1000 + rows * series),
            "time": START + HOUR * np.tile(np.arange(rows), series),
            "id": np.repeat([f"series {k}" for k in range(series)], rows) if series > 1 else np.arange(rows),
            "horizon": np.full(rows * series, horizon),
            "actual": actual,
        }
        columns |= {f"q{level}": np.full(rows * series, z) for level, z in zip(LEVELS, NORMAL, strict=True)}
        frames.append(pl.DataFrame(columns))
    return pl.concat(frames)


def direction_frame(rows: int, seed: int = 0) -> pl.DataFrame:
    """Probabilities that mean what they say, of trades at times that repeat."""
    draw = np.random.default_rng(seed)
    p = draw.uniform(0.05, 0.6, rows)
    return pl.DataFrame(
        {
            "row": np.arange(500, 500 + rows),
            "time": START + 30.0 * (np.arange(rows) // 2),
            "id": np.arange(rows),
            "actual": (draw.uniform(size=rows) < p).astype(float),
            "p_up": p,
        }
    )


@dataclass
class Maker:
    """Writes runs and comparisons into a folder."""

    home: Path

    def run(
        self,
        name: str = "run",
        frame: pl.DataFrame | None = None,
        model: str = "lstm",
        measure: str = "pinball",
        p: float | None = 0.5,
        ours: float | None = 0.3,
        data: dict | None = None,
        results: bool = True,
        log: bool = True,
        read: tuple[str, ...] = ("read 100 rows from data.csv",),
    ) -> Path:
        folder = RunFolder.create(self.home / name)
        usual = {"target": "return", "horizon": 1, "kind": "bars", "step": HOUR, "source": "data.csv"}
        write_config(
            folder.config,
            RunConfig(
                task="forecast",
                created="2026-01-31T12:00:00+00:00",
                seed=7,
                versions={"ostinato": "0.1.0"},
                columns={"time": "when", "price": "close"},
                read=list(read),
                data=usual | (data or {}),
                model={"name": model},
                training={},
            ),
        )
        if results:
            write_results(folder.metrics, table(measure, ours, p))
        if log:
            for epoch, loss in enumerate((0.9, 0.5, 0.6)):
                append_line(
                    folder.log, {"epoch": epoch, "train_loss": 1.0 - epoch / 10, "validation_loss": loss}
                )
        if frame is not None:
            write_predictions(folder.predictions, frame)
        return folder.path

    def comparison(self, name: str = "compared", winner: bool = False, **changes: object) -> Path:
        path = self.home / name
        path.mkdir()
        model = ComparedModel(
            parameters=1234,
            seconds=2.0,
            step_us=50.0,
            test={"pinball": 0.25, "crps": 0.4},
            intervals={"pinball": [0.2, 0.3]},
            skill={"naive": SkillTest(statistic=-2.5, p_value=0.001)},
            corrected_p=0.004 if winner else 0.2,
            runs=["lstm"],
            verdict="lstm is as it is.",
        )
        usual = {
            "created": "2026-01-31T12:00:00+00:00",
            "source": "data.csv",
            "target": "return",
            "horizon": 24,
            "measure": "pinball",
            "loss_name": "pinball loss",
            "rows_scored": 100,
            "best_baseline": "naive",
            "compared": 2,
            "parts": {"test": PartFacts(rows=100, first=START, last=START + HOUR)},
            "models": {"lstm": model, "gru": ComparedModel(failed="the loss became NaN.")},
            "baselines": {
                "naive": ComparedBaseline(test={"pinball": 0.3}, intervals={"pinball": [0.25, 0.35]}),
                "linear": ComparedBaseline(test={"pinball": 0.4}, settings="the last 336 rows"),
            },
        }
        write_comparison(path / "compare.json", Comparison(**(usual | changes)))
        return path


def table(measure: str = "pinball", ours: float | None = 0.3, p: float | None = 0.5) -> Results:
    skill = {"naive": SkillTest(statistic=-1.0, p_value=p), "drift": SkillTest(statistic=-9.0, p_value=1e-30)}
    return Results(
        measure=measure,
        test={measure: ours, "mae": 0.7, "coverage_80": 0.801},
        validation={measure: 0.31},
        baselines={"drift": {measure: 0.5}, "naive": {measure: 0.35, "mae": float("nan")}},
        baseline_settings={"drift": "of all <rows>"},
        tests=SkillTests(diebold_mariano=skill),
        training=TrainingFacts(seconds=75.0, epochs=3, stopped="early"),
        model=ModelFacts(parameters=12345, step_us=9.5),
        parts={
            "train": PartFacts(rows=700, first=START, last=START + 700 * HOUR),
            "validation": PartFacts(rows=100, first=START + 701 * HOUR, last=START + 800 * HOUR),
            "test": PartFacts(rows=200),
        },
    )


@pytest.fixture
def make(tmp_path) -> Maker:
    return Maker(tmp_path)


@pytest.fixture(scope="session")
def pages(tmp_path_factory) -> dict[str, Path]:
    """A folder of each kind, with its page."""
    from ostinato.report import write_report

    make = Maker(tmp_path_factory.mktemp("pages"))
    table_data = {"target": "load", "horizon": 12, "kind": "table"}
    found = {
        "return": make.run("return", value_frame(900)),
        "direction": make.run(
            "direction",
            direction_frame(1500),
            measure="log_loss",
            data={"target": "direction", "kind": "trades", "step": None},
        ),
        "paths": make.run("paths", value_frame(400, tuple(range(1, 13))), data=table_data),
        "series": make.run("series", value_frame(300, series=3), data=table_data | {"id": "name"}),
        "nothing": make.run("nothing", results=False, log=False),
        "compared": make.comparison("compared"),
    }
    for name in found:
        write_report(found[name])
    return found

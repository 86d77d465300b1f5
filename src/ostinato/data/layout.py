"""``Layout``: decisions about a source, by which every later source is read.

A source suggests some things that it does not say: which column is the volume, how far it is from row to row, whether a
missing row is a gap or a market that closed. Another file, or another cut of the same one, may suggest otherwise, and
the same rows would then give other numbers. What is suggested is a **decision**: it is made once, at fit, from all that
is there, kept in the run, and followed by every later reading, which converts what it reads or refuses it.

A **property of each file** is what every row of it bears out or refutes by itself, so that rows which come later can
make a file unreadable but cannot change what was read: the letter between cells, a header or none, the order of rows,
the unit of numeric times (each has the size of one), what a time without a zone means (UTC, or the zone that was
named), which rows are missing, where a series begins, which series there are. Whatever the caller names himself is no
suggestion either.

| decision | suggested by |
|---|---|
| ``source``: trades, bars or a table | the names of the columns |
| ``columns``: which column plays which role; "" does without | their names |
| ``money``: a second column of volume, by which rows with swapped volumes are told | both columns, in all rows |
| ``covariates``: what "all other columns of numbers" are | the first filled cell of each column |
| ``every``: the step | the times of all rows |
| ``pauses``: whether missing steps are pauses, or gaps to be filled | how many are missing |
| ``clock``: whose midnight begins a day | what the times say of their zone |
| ``numbers``: whether numbers that may be either are Unix times or dates written as digits | most times |
| ``time_of_day``: how many digits a time of day has, 900 or 90000 | the times of day of all rows |
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from .grid import OFF, SHORTEST_DAY, WORKING_DAY, Spacing, Step, monthly, steady

Kind = Literal["trades", "bars", "table"]
Role = Literal["time", "open", "high", "low", "close", "volume", "price", "amount"]
NumbersAre = Literal["", "unix", "digits"]
Name = Annotated[str, Field(max_length=200)]
Names = Annotated[tuple[Name, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)]

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
UTC, WRITTEN = (
    "UTC",
    "as written",
)  # clocks that are no zone: the one of UTC, and one that each time says itself


class Every(BaseModel):
    """How far it is from row to row: so many seconds or months, or a working day. ``wall``: on the local clock."""

    model_config = STRICT

    # float64 resolves today's times to a quarter of a microsecond
    seconds: float | None = Field(default=None, ge=1e-6, le=1e12, allow_inf_nan=False)
    months: Literal[0, 1, 3, 6, 12] = 0
    working: bool = False
    wall: bool = False

    @model_validator(mode="after")
    def _is_one(self) -> "Every":
        if [self.seconds is not None, self.months > 0, self.working].count(True) != 1:
            raise ValueError("a step is so many seconds, so many months, or a working day")
        return self

    @classmethod
    def seconds_apart(cls, seconds: float) -> "Every":
        """Rows so many seconds apart; days are those of the local clock."""
        return cls(seconds=seconds, wall=seconds >= SHORTEST_DAY)

    @classmethod
    def of(cls, step: Step) -> "Every":
        """What a step is, without what follows from it."""
        return cls.model_construct(
            seconds=step.seconds, months=step.months, working=step.working, wall=step.wall
        )

    @property
    def step(self) -> Step:
        """The step, with its season and its words."""
        if self.seconds is not None:
            return steady(self.seconds, self.wall)
        return WORKING_DAY if self.working else monthly(self.months)


class Layout(BaseModel):
    """What was decided about a source; see above. Bounded, since it lies in run folders that may come from strangers.

    ``every`` is None where rows are events, or so few that they have no step. ``clock`` is the name of a zone, "UTC",
    or "as written" where each time says how far it is from UTC.
    """

    model_config = STRICT

    source: Kind
    columns: dict[Role, Name] = Field(default={}, max_length=10)
    money: Name = ""
    covariates: Names = Field(default=(), max_length=200)
    every: Every | None = None
    pauses: bool = False
    numbers: NumbersAre = ""
    time_of_day: Literal["", "HH", "HHMM", "HHMMSS", "HHMMSSfff"] = ""
    clock: str = Field(default=UTC, min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+:/ -]*$")

    @property
    def spacing(self) -> Spacing | None:
        """How rows follow one another."""
        return None if self.every is None else Spacing(self.every.step, self.pauses)

    def spaced_like(self, other: "Layout") -> bool:
        """Whether rows follow one another alike, as far as both know."""
        ours, theirs = self.spacing, other.spacing
        if ours is None or theirs is None:
            return True
        return same_step(ours.step, theirs.step) and ours.pauses == theirs.pauses


def same_step(ours: Step, theirs: Step) -> bool:
    """Whether two steps are the same but for rounding."""
    if ours.seconds is None or theirs.seconds is None:
        return ours == theirs
    return abs(ours.seconds - theirs.seconds) <= OFF * ours.seconds

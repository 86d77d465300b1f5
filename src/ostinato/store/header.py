"""The header of a store: the feed, what is forecast, and the first model."""

import json
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from ..errors import BrokenStoreError, StoreError, cut, shortened
from .schema import FORMAT_VERSION, OLDEST_VERSION, RESERVED

MAX_COLUMNS = 500
MAX_OUTPUTS = 100_000


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it has control characters")
    return text


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Reject names that differ in case only: SQLite does not distinguish them."""
    lower = [name.lower() for name in names]
    if len(set(lower)) < len(lower):
        raise ValueError("two have the same name")
    return names


def _free(names: tuple[str, ...]) -> tuple[str, ...]:
    taken = [name for name in names if name.lower() in RESERVED]
    if taken:
        raise ValueError(f"{taken[0]} means something else in a store")
    return names


def _ascending(levels: tuple[float, ...]) -> tuple[float, ...]:
    if any(low >= high for low, high in pairwise(levels)):
        raise ValueError("they do not ascend")
    return levels


Share = Annotated[float, Field(gt=0, lt=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_printable)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
Names = Annotated[tuple[Name, ...], Field(max_length=MAX_COLUMNS), AfterValidator(_distinct)]


class StoreHeader(BaseModel):
    """The header of a store; written once.

    feed, kind, columns, step: of the feed (``live.feeds.Feed``); step in seconds, None for trades.
    target, measure: what is forecast, and the loss that scores it.
    outputs: names of the numbers of a prediction, in their order.
    levels: of quantiles; () for probabilities.
    horizons: rows ahead.
    baselines: in the order of a prediction's baselines.
    units: of the losses of each column, where there are several.
    run, digest: the run folder that the first model came from, and SHA-256 of its weights in hex.
    policy: for the state at a gap that cannot be filled.
    created: when, in seconds since the epoch; version: of ostinato.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: int = FORMAT_VERSION
    feed: Name
    kind: Literal["trades", "bars", "table"]
    columns: Annotated[Names, Field(min_length=1), AfterValidator(_free)]
    step: Annotated[float, Field(gt=0, le=1e10)] | None = None
    target: Name
    measure: Name
    outputs: Annotated[
        tuple[Name, ...], Field(min_length=1, max_length=MAX_OUTPUTS), AfterValidator(_distinct)
    ]
    levels: Annotated[tuple[Share, ...], Field(max_length=1_000), AfterValidator(_ascending)] = ()
    horizons: Annotated[tuple[Annotated[int, Field(ge=1, le=100_000)], ...], Field(max_length=10_000)] = ()
    baselines: Names = ()
    units: Annotated[tuple[Finite, ...], Field(max_length=MAX_COLUMNS)] = ()
    run: Text = ""
    digest: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    policy: Literal["carry", "reset"] = "carry"
    created: Finite
    version: Name

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.target != "direction" and len(self.outputs) % max(1, len(self.levels)):
            raise ValueError(
                f"{len(self.outputs)} outputs are no whole number of times {len(self.levels)} levels"
            )
        return self


# what must be the same when a store is opened to be written on; the digest is looked for among its models
SAME = ("feed", "kind", "columns", "step", "target", "measure", "outputs", "levels", "horizons", "baselines")


def parse_header(text: str, where: object) -> StoreHeader:
    """Parse the header of a store from JSON.

    Raises:
        BrokenStoreError: it is damaged, hostile or of a newer ostinato.
    """
    try:
        version = json.loads(text).get("format_version")
    except (ValueError, AttributeError, RecursionError):
        raise BrokenStoreError(f"{where} is damaged: its header is not that of a store.") from None
    check_version(version, where)
    try:
        return StoreHeader.model_validate_json(text)
    except ValidationError as error:
        raise BrokenStoreError(f"{where} is damaged: its header has {_first_problem(error)}.") from None


def check_version(version: Any, where: object) -> None:
    """Raise BrokenStoreError unless this version can read the format."""
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise BrokenStoreError(
            f"{where} was written by a newer ostinato (format {version}, this one reads up to {FORMAT_VERSION}). "
            "Upgrade ostinato, or name another --store."
        )
    if type(version) is not int or version < OLDEST_VERSION:
        raise BrokenStoreError(f"{where} is no store of ostinato: its format is {shortened(version)}.")


def make_header(**fields: Any) -> StoreHeader:
    """Build a header from its fields.

    Raises:
        StoreError: a field cannot be kept, such as a column that is called like one of ours.
    """
    try:
        return StoreHeader(**fields)
    except ValidationError as error:
        raise StoreError(f"no store can be made of this: {_first_problem(error)}.") from None


def differences(stored: StoreHeader, wanted: StoreHeader) -> list[str]:
    """Describe the fields in which a store differs from ``wanted``, the model aside."""
    return [
        f"its {name} is {_format(getattr(stored, name))}, now it is {_format(getattr(wanted, name))}"
        for name in SAME
        if getattr(stored, name) != getattr(wanted, name)
    ]


def _format(value: Any) -> str:
    if isinstance(value, tuple):
        return shortened(", ".join(map(str, value)))
    return shortened(value)


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = cut(".".join(str(part) for part in first["loc"]), 100)
    words = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
    return f"{place}: {words}" if place else words

"""Train, validation and test parts of a series, in the order of time."""

import math
from dataclasses import dataclass

from ..errors import ConfigError, DataError
from .report import too_few


@dataclass(frozen=True)
class Part:
    """Rows start to stop, stop not included."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def rows(self) -> slice:
        """The part as an index of arrays and tensors."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Split:
    """Three parts, one after the other, with a gap of purged rows after each of the first two."""

    train: Part
    validation: Part
    test: Part
    purge: int


def chronological_split(
    rows: int, fractions: tuple[float, float, float] = (0.7, 0.1, 0.2), purge: int = 1
) -> Split:
    """Cut rows 0 to ``rows`` into train, validation and test.

    Args:
        rows: of the whole series, in the order of time.
        fractions: of train, validation and test; each above 0, together 1.
        purge: rows by which a label looks ahead.

    The last ``purge`` rows of train and of validation are left out, so that no label of one part looks
    into the next. The test part goes on to the last row; the last ``purge`` rows of it have no label.

    Raises:
        ConfigError: fractions or purge are out of range.   DataError: a part would have no labelled row.

    Source:
        The purge is that of López de Prado 2018, Advances in Financial Machine Learning, section 7.4.1.

    >>> split = chronological_split(100, purge=2)
    >>> split.train, split.validation, split.test
    (Part(start=0, stop=68), Part(start=70, stop=78), Part(start=80, stop=100))
    """
    check_fractions(fractions)
    if purge < 0:
        raise ConfigError(f"purge must be 0 rows or more, got {purge}.")
    validation, test = round(rows * fractions[0]), round(rows * (fractions[0] + fractions[1]))
    labelled = {"train": validation, "validation": test - validation, "test": rows - test}
    for name, length in labelled.items():
        if length <= purge:
            raise DataError(
                f"{too_few(rows, 'row')}: the {name} part has {max(length, 0):,}, and labels that look "
                f"{purge:,} ahead leave none of them. Bring more data, or look less far ahead."
            )
    return Split(Part(0, validation - purge), Part(validation, test - purge), Part(test, rows), purge)


def check_fractions(fractions: tuple[float, float, float]) -> None:
    """Refuse fractions that do not cut a whole into three parts."""
    if len(fractions) != 3:
        raise ConfigError(f"fractions are three, of train, validation and test; got {len(fractions)}.")
    if any(f <= 0 for f in fractions) or not math.isclose(sum(fractions), 1.0, abs_tol=1e-9):
        raise ConfigError(
            f"fractions of train, validation and test must be above 0 and add up to 1, got {fractions}."
        )

"""Train, validation and test parts of examples: at random, groups kept together, classes in proportion.

For rows in the order of time there is ``folds.py``.

Axes: E examples.
"""

import warnings
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..errors import ConfigError, DataError, shortened
from .folds import Fold
from .report import counted
from .splits import check_fractions

FINEST = 20  # parts that a fraction is made of: 0.15 is 3 of 20


def split_examples(
    count: int,
    fractions: tuple[float, float, float] = (0.7, 0.1, 0.2),
    *,
    classes: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> Fold:
    """Cut examples 0 to ``count`` into train, validation and test once.

    Args:
        fractions: of train, validation and test; each above 0, together 1. Groups meet them to a twentieth, and as near
            as whole groups can.
        classes: of each example, (E,): each part has them in the proportion of the whole.
        groups: of each example, (E,), such as the speaker: no group is in two parts.
        seed: of the order in which examples are shared out.

    Raises:
        ConfigError: the fractions are out of range, or classes or groups are not one for each example.
        DataError: there are too few examples, groups, or examples of a class.

    >>> fold = split_examples(100)
    >>> len(fold.train), len(fold.validation), len(fold.test)
    (70, 10, 20)
    """
    check_fractions(fractions)
    labels, everything = _Labels(count, classes, groups), np.arange(count)
    labels.check(everything, 3)
    rest, test = _cut(everything, fractions[2], labels, seed)
    train, validation = _cut(rest, fractions[1] / (fractions[0] + fractions[1]), labels, seed)
    return Fold(train, validation, test, used=rest)


def folds_of_examples(
    count: int,
    folds: int,
    validation: float = 0.1,
    *,
    classes: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> list[Fold]:
    """Cut examples into ``folds`` test parts; each is judged by a model that was fitted on the others.

    Args:
        validation: share of the examples that are not in the test part, for early stopping and choices.
        classes, groups, seed: as of ``split_examples``.

    Raises:
        ConfigError: folds or validation are out of range, or classes or groups are not one for each example.
        DataError: there are too few examples, groups, or examples of a class.

    Source:
        The test parts are those of ``KFold``, ``StratifiedKFold`` and ``StratifiedGroupKFold`` of scikit-learn; groups
        without classes are shared out as if all examples were of one class.
    """
    if folds < 2:
        raise ConfigError(f"folds must be at least 2, got {folds}: each is judged by what the others taught.")
    if not 0 < validation < 1:
        raise ConfigError(f"validation must be a share above 0 and below 1, got {validation}.")
    labels, made = _Labels(count, classes, groups), []
    for number, test in enumerate(_shares(np.arange(count), folds, labels, seed)):
        rest = np.setdiff1d(np.arange(count), test)
        train, held_out = _cut(rest, validation, labels, seed)
        made.append(replace(Fold(train, held_out, test, used=rest), number=number, count=folds))
    return made


class _Labels:
    """Class and group of each example, as numbers; None where there are none."""

    def __init__(self, count: int, classes: np.ndarray | None, groups: np.ndarray | None) -> None:
        self.class_names, self.classes = _numbered("classes", classes, count)
        _, self.groups = _numbered("groups", groups, count)

    def check(self, items: np.ndarray, parts: int) -> None:
        """Refuse examples that cannot be cut into as many parts.

        Raises:
            DataError: there are too few, too few groups, or too few of a class where groups do not bind them.
        """
        if len(items) < parts:
            raise DataError(
                f"{counted(len(items), 'example')} cannot be cut into {parts:,} parts. Bring more."
            )
        if self.groups is not None:
            if (found := len(np.unique(self.groups[items]))) < parts:
                raise DataError(
                    f"{counted(found, 'group')} cannot be cut into {parts:,} parts. Bring more groups."
                )
        elif self.classes is not None:
            numbers, counts = np.unique(self.classes[items], return_counts=True)
            if counts.min() < parts:
                name = self.class_names[numbers[counts.argmin()]]
                raise DataError(
                    f"class {shortened(name)} has {counted(int(counts.min()), 'example')}, and each of {parts:,} parts "
                    "needs one. Bring more of it, or leave the class out."
                )


def _numbered(name: str, values: np.ndarray | None, count: int) -> tuple[list[object], np.ndarray | None]:
    """The names in order, and the number of each example's."""
    if values is None:
        return [], None
    if np.shape(values) != (count,):
        raise ConfigError(f"{name} must be one for each of {count:,} examples, got {np.shape(values)}.")
    names, numbers = np.unique(values, return_inverse=True)
    return names.tolist(), numbers


def _cut(items: np.ndarray, fraction: float, labels: _Labels, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What is left of ``items`` (ascending), and the ``fraction`` that is taken from them."""
    labels.check(items, 2)
    if labels.groups is None:
        return _cut_singly(items, fraction, labels, seed)
    finest = min(FINEST, len(np.unique(labels.groups[items])))
    share = Fraction(fraction).limit_denominator(finest)
    share = min(max(share, Fraction(1, finest)), Fraction(finest - 1, finest))
    shares = _shares(items, share.denominator, labels, seed)
    taken = np.sort(np.concatenate(shares[: share.numerator]))
    return np.setdiff1d(items, taken), taken


def _cut_singly(
    items: np.ndarray, fraction: float, labels: _Labels, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split

    classes = None if labels.classes is None else labels.classes[items]
    least = 1 if classes is None else len(np.unique(classes))  # of each class one
    taken = min(max(round(fraction * len(items)), least), len(items) - least)
    if taken < least:
        raise DataError(
            f"{counted(len(items), 'example')} of {least:,} classes are too few to cut in two. Bring more."
        )
    rest, part = train_test_split(items, test_size=taken, stratify=classes, random_state=seed)
    return np.sort(rest), np.sort(part)


def _shares(items: np.ndarray, count: int, labels: _Labels, seed: int) -> list[np.ndarray]:
    """``items`` in as many shares, each with whole groups, and classes in proportion."""
    from sklearn.model_selection import KFold, StratifiedKFold

    labels.check(items, count)
    classes = None if labels.classes is None else labels.classes[items]
    if labels.groups is not None:
        return [items[share] for share in _whole_groups(labels.groups[items], classes, count, seed)]
    kind = KFold if classes is None else StratifiedKFold
    found = kind(count, shuffle=True, random_state=seed).split(items, classes)
    return [items[test] for _, test in found]


def _whole_groups(groups: np.ndarray, classes: np.ndarray | None, count: int, seed: int) -> list[np.ndarray]:
    """Places in as many shares. Where so few groups cannot have the classes in proportion, their sizes alone count."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    if classes is not None and np.bincount(classes).max() >= count:
        with warnings.catch_warnings():  # of classes that have fewer members than there are shares
            warnings.simplefilter("ignore", UserWarning)
            shares = [test for _, test in splitter.split(groups, classes, groups)]
        if all(len(share) for share in shares):
            return shares
    # of one class it evens out the sizes, in an order that is drawn; GroupKFold draws nothing
    one = np.zeros(len(groups), np.int64)
    return [test for _, test in splitter.split(groups, one, groups)]

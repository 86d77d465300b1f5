"""Folds of examples: every example once, groups whole, classes in proportion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, train_test_split

from ostinato.data.example_folds import folds_of_examples, split_examples
from ostinato.errors import ConfigError, DataError

RANDOM = np.random.default_rng(4)
CLASSES = RANDOM.choice(["cat", "dog", "owl"], 300, p=[0.6, 0.3, 0.1])
GROUPS = RANDOM.integers(0, 40, 300)


def sklearn_tests(splitter, *labels):
    return [test.tolist() for _, test in splitter.split(np.zeros(300), *labels)]


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("count", [2, 5])
def test_test_parts_are_those_of_scikit_learn(count, seed):
    options = {"n_splits": count, "shuffle": True, "random_state": seed}
    cases = [
        ({}, sklearn_tests(KFold(**options))),
        ({"classes": CLASSES}, sklearn_tests(StratifiedKFold(**options), CLASSES)),
        (
            {"classes": CLASSES, "groups": GROUPS},
            sklearn_tests(StratifiedGroupKFold(**options), CLASSES, GROUPS),
        ),
    ]
    for labels, expected in cases:
        folds = folds_of_examples(300, count, seed=seed, **labels)
        assert [fold.test.tolist() for fold in folds] == expected
        assert [(fold.number, fold.count) for fold in folds] == [(number, count) for number in range(count)]


def test_groups_alone_are_about_as_even_as_those_of_group_k_fold():
    ours = [len(fold.test) for fold in folds_of_examples(300, 5, groups=GROUPS)]
    theirs = [len(test) for test in sklearn_tests(GroupKFold(5), None, GROUPS)]
    assert max(ours) - min(ours) <= max(theirs) - min(theirs) + np.bincount(GROUPS).max()
    assert (
        len(
            {
                tuple(fold.test)
                for seed in range(5)
                for fold in folds_of_examples(300, 5, groups=GROUPS, seed=seed)
            }
        )
        > 5
    )


def test_a_split_is_that_of_scikit_learn_twice():
    fold = split_examples(300, (0.6, 0.15, 0.25), classes=CLASSES, seed=2)
    rest, test = train_test_split(np.arange(300), test_size=75, stratify=CLASSES, random_state=2)
    rest = np.sort(rest)
    _, validation = train_test_split(rest, test_size=45, stratify=CLASSES[rest], random_state=2)
    assert fold.test.tolist() == sorted(test)
    assert fold.validation.tolist() == sorted(validation)


FEW = settings(deadline=None, max_examples=30)


@st.composite
def labelled(draw):
    count = draw(st.integers(12, 80))
    classes = draw(st.none() | st.just(np.arange(count) % 3))
    groups = draw(st.none() | st.lists(st.integers(0, 9), min_size=count, max_size=count).map(np.array))
    if groups is not None:
        groups[:4] = np.arange(10, 14)
    return count, classes, groups, draw(st.integers(0, 5))


@FEW
@given(labelled(), st.sampled_from([(0.7, 0.1, 0.2), (0.34, 0.33, 0.33), (0.9, 0.05, 0.05)]))
def test_every_example_is_in_one_part_and_no_group_in_two(case, fractions):
    count, classes, groups, seed = case
    folds = folds_of_examples(count, 3, classes=classes, groups=groups, seed=seed)
    split = split_examples(count, fractions, classes=classes, groups=groups, seed=seed)
    for fold in [*folds, split]:
        parts = [fold.train, fold.validation, fold.test]
        assert sorted(np.concatenate(parts).tolist()) == list(range(count))
        assert all(len(part) and (np.diff(part) > 0).all() for part in parts)
        assert sorted(np.concatenate(parts[:2]).tolist()) == fold.used.tolist()
        if groups is not None:
            names = [set(groups[part].tolist()) for part in parts]
            assert sum(map(len, names)) == len(set().union(*names))
        elif classes is not None:
            for part in parts:
                assert len(set(classes[part].tolist())) == 3
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(count))


def test_classes_are_in_proportion():
    fold = split_examples(300, classes=CLASSES)
    for part in (fold.train, fold.validation, fold.test):
        for name, share in zip(*np.unique(CLASSES, return_counts=True), strict=True):
            assert (CLASSES[part] == name).sum() == pytest.approx(share * len(part) / 300, abs=1)


def test_groups_and_classes_come_near_the_fractions():
    fold = split_examples(300, (0.55, 0.15, 0.3), classes=CLASSES, groups=GROUPS)
    sizes = [len(fold.train) / 300, len(fold.validation) / 300, len(fold.test) / 300]
    assert sizes == pytest.approx([0.55, 0.15, 0.3], abs=0.05)
    for part in (fold.train, fold.test):
        assert (CLASSES[part] == "cat").mean() == pytest.approx((CLASSES == "cat").mean(), abs=0.06)


def test_a_rare_class_does_not_move_the_fractions():
    classes = np.where(np.arange(200) < 3, "rare", "usual")
    fold = split_examples(200, classes=classes)
    assert [len(part) for part in (fold.train, fold.validation, fold.test)] == [140, 20, 40]


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: split_examples(2), DataError, "2 examples cannot be cut into 3 parts"),
        (lambda: split_examples(9, (0.5, 0.5, 0.0)), ConfigError, "must be above 0 and add up to 1"),
        (
            lambda: split_examples(9, groups=np.arange(9) // 5),
            DataError,
            "2 groups cannot be cut into 3 parts",
        ),
        (
            lambda: split_examples(9, classes=np.array(["a"] * 7 + ["b"] * 2)),
            DataError,
            "class 'b' has 2 examples, and each of 3 parts needs one",
        ),
        (
            lambda: split_examples(9, classes=np.arange(8)),
            ConfigError,
            r"classes must be one .* 9 examples, got \(8,\)",
        ),
        (lambda: folds_of_examples(9, 1), ConfigError, "folds must be at least 2, got 1"),
        (lambda: folds_of_examples(9, 3, 1.0), ConfigError, "validation must be a share above 0 and below 1"),
        (
            lambda: folds_of_examples(9, 3, classes=np.arange(9) // 8),
            DataError,
            "class 1 has 1 example, and each of 3 parts needs one",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(call, kind, words):
    with pytest.raises(kind, match=words):
        call()

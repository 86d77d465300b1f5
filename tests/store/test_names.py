"""A store under several names, under a name that is taken, and beside what stands in its way."""

import os

import pytest

from ostinato.errors import StoreError
from ostinato.store import Reader, Store, seal
from store.filling import FIRST, assert_prefix, fill, head


@pytest.fixture
def path(tmp_path):
    return tmp_path / "live.sqlite"


def test_a_second_hard_link_is_refused(path):
    with Store.create(path, head()) as store:
        fill(store, 5)
    other = path.with_name("other.sqlite")
    os.link(path, other)
    for name in (path, other):
        with pytest.raises(StoreError, match="2 names"):
            Store.open(name)
    other.unlink()
    with Store.open(path, head()) as store:
        fill(store, 5)
    assert assert_prefix(path) == 10


def test_a_link_leads_to_the_store_its_log_and_its_lock(path):
    link = path.with_name("link.sqlite")
    link.symlink_to(path.name)
    folder = path.parent / "elsewhere"
    folder.symlink_to(path.parent, target_is_directory=True)
    with Store.create(path, head()) as store:
        fill(store, 5)
        for name in (link, folder / path.name, folder / link.name):
            with pytest.raises(StoreError, match="another process"):
                Store.open(name)
    with Store.open(link, head()) as store:
        fill(store, 5)
        assert store.path == path
        with pytest.raises(StoreError, match="another process"):
            Store.open(path)
    assert assert_prefix(link) == 10
    assert not [one.name for one in path.parent.iterdir() if one.name.startswith("link.sqlite.")]


def test_days_that_are_sealed_are_read_by_a_link(path):
    with Store.create(path, head()) as store:
        fill(store, 40, group=7, snapshots=10, step=8_640.0, start=864_000.0)
        assert seal(store, 1e12)
    link = path.with_name("link.sqlite")
    link.symlink_to(path)
    with Reader.open(link) as reader:
        assert reader.counts().sealed_days > 0
        assert [one.key for one in reader.events_after(None, 100)] == list(range(FIRST, FIRST + 40))


def test_a_store_is_not_made_behind_a_link(path):
    link = path.with_name("link.sqlite")
    link.symlink_to(path)
    with pytest.raises(StoreError, match="already a file"):
        Store.create(link, head())
    circle = path.with_name("circle.sqlite")
    circle.symlink_to(circle)
    for use in (Store.open, Reader.open):
        with pytest.raises(StoreError, match="circle"):
            use(circle)


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal", "-sealed", "-models", ".lock", "-WAL", ".new"])
def test_names_of_what_lies_beside_a_store(path, end):
    with pytest.raises(StoreError, match="must not be called"):
        Store.create(path.with_name(path.name + end), head())
    assert not list(path.parent.iterdir())


def test_what_stands_where_the_lock_must_be_is_named(path):
    lock = path.with_name(path.name + ".lock")
    lock.mkdir()
    with pytest.raises(StoreError, match=r"live\.sqlite\.lock is a folder"):
        Store.create(path, head())
    lock.rmdir()
    lock.symlink_to(path.with_name("nothing"))
    with pytest.raises(StoreError, match=r"live\.sqlite\.lock is a link"):
        Store.create(path, head())

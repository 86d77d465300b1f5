"""Assemble an engine from a run, a feed and a store."""

import asyncio
import time
from pathlib import Path

from .... import __version__
from ....errors import ConfigError
from ....experiment.task import Run
from ....live.engine import Engine, Settings
from ....live.feeds import Feed
from ....live.journal import Journal
from ....store import Store, StoreHeader, make_header
from ..reading import panel_of
from ..recipe import Recipe
from ..targets import target_of
from ..task import open_run
from .baselines import live_baselines
from .rows import feed_requirements
from .stepping import RunForecaster


def feed_of(text: str, recipe: Recipe) -> Feed:
    """Open the feed of an address with the events that a run requires.

    A file is read as the run reads data, so that what is replayed is what ``predict`` would see.

    Raises:
        ConfigError: there is no such feed, or it has no such events.   DataError: the file cannot be used.
    """
    need = feed_requirements(recipe)
    panel = None
    if text.startswith("file:"):
        path = Path(text.removeprefix("file:").partition("?")[0])
        # bars that are counted are made of the trades as they come
        whole = need.kind == recipe.kind
        panel = panel_of(path, recipe if whole else recipe.model_copy(update={"bars": ""}))
    from ....live.feeds.opening import open_feed

    return open_feed(text, need.kind, need.columns, need.step, panel=panel)


def forecaster_of(
    run: Run, names: tuple[str, ...] | None = None, units: tuple[float, ...] | None = None
) -> RunForecaster:
    """A stepped run with its baselines.

    Args:
        names, units: of the baselines, and of the losses of several columns, as the store has them, where there is one:
            losses of a challenger must be in the champion's units.
    """
    found = live_baselines(run, target_of(run.recipe), names)
    return RunForecaster(run, found.baselines, units or found.units)


def head_of(run: Run, forecaster: RunForecaster, feed: Feed, settings: Settings) -> StoreHeader:
    """The header of a store for this run and feed."""
    target = forecaster.target
    return make_header(
        feed=feed.name,
        kind=feed.kind,
        columns=tuple(feed.columns),
        step=feed.step,
        target=run.recipe.target,
        measure=target.measure,
        outputs=forecaster.scorer.names,
        levels=target.quantile_levels,
        horizons=run.recipe.ahead,
        baselines=tuple(forecaster.baselines),
        units=tuple(forecaster.units or ()),
        run=str(run.folder.path),
        digest=forecaster.digest,
        policy=settings.policy,
        created=time.time(),
        version=__version__,
    )


def engine_of(run: Run, feed: Feed, store: Path, settings: Settings, log: Path | None = None) -> Engine:
    """An engine that continues the store, or begins one.

    If a retrained model is the champion of that store, it stays the champion.

    Raises:
        BrokenStoreError: the store is another run's, damaged, or of another version.
        StoreError: another process writes to it.
    """
    forecaster = forecaster_of(run)
    opened = Store.open_or_create(store, head_of(run, forecaster, feed, settings))
    try:
        champion = next(model for model in opened.models() if model.role == "champion")
        if champion.digest.hex() != forecaster.digest:
            forecaster = forecaster_of(open_run(champion.path), opened.head.baselines, opened.head.units)
            if forecaster.digest != champion.digest.hex():
                raise ConfigError(
                    f"{champion.path}, the champion of {store} since event {champion.since_key:,}, was changed. Put it "
                    "back, or begin another --store."
                )
        return Engine(feed, opened, forecaster, champion.id, settings, journal=Journal(log))
    except BaseException:
        opened.close()
        raise


def live(run: Run, feed: str, store: Path | str, settings: Settings | None = None) -> None:
    """Step a run on a feed until the feed ends; continue an existing store. Ctrl-C stops without loss.

    Raises:
        ConfigError, FeedError: there is no such feed, it has other events than the run reads, or it refuses.
        StoreError: the store is another run's, damaged, in use, or the disk is full.
    """
    engine = engine_of(run, feed_of(feed, run.recipe), Path(store), settings or Settings())
    try:
        asyncio.run(engine.run())
    finally:
        engine.close()

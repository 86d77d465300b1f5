"""An exchange that answers by a redirect: nobody is led to another host, another port or another path."""

import asyncio

import pytest

from live.feeds.binance.rawserver import RawServer, answer
from live.feeds.binance.test_feed import SOON, Market, address, closes, read, sends
from ostinato.live.events import Note, Since
from ostinato.live.feeds.binance import open_binance
from ostinato.live.feeds.ccxt_feed import CcxtFeed
from ostinato.live.feeds.feed import Timeouts

STATUSES = (301, 302, 303, 307, 308)


class Elsewhere:
    """A server that should never be asked, and counts connections."""

    def __init__(self):
        self.connections = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._count, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error):
        self.server.close()

    async def _count(self, reader, writer):
        self.connections += 1
        writer.close()


def led_away(location, to="stream"):
    """Notes of a feed whose exchange answers by redirects first, and how often anybody went there."""

    async def run():
        async with Elsewhere() as other, RawServer(Market(top=9), [closes(1001), sends(10)]) as server:
            where = location.format(other=other.port, own=server.port)
            answers = [answer("", status, [f"Location: {where}"]) for status in STATUSES]
            if to == "stream":
                server.refuse = answers
            else:
                server.rest.odd["aggTrades"] = answers
            items = await read(open_binance(address(server), timeouts=SOON), 10)
            paths = {path for path, *_ in server.asked} | {peer.path for peer in server.peers}
            return [item for item in items if isinstance(item, Note)], other.connections, paths

    return asyncio.run(run())


@pytest.mark.parametrize("to", ["stream", "rest"])
@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("ws://127.0.0.1:{other}/evil", "to 'ws://127.0.0.1:"),
        ("http://127.0.0.1:{other}/evil?a=secret", "to 'http://127.0.0.1:"),
        ("//127.0.0.1:{other}/evil", "to '//127.0.0.1:"),
        ("ws://127.0.0.1:{own}/evil", "to 'ws://127.0.0.1:"),
        ("/evil", "to another path"),
    ],
)
def test_no_redirect_is_followed(location, told, to):
    notes, connections, paths = led_away(location, to)
    assert connections == 0
    assert not any("evil" in path for path in paths)
    first = next(note.text for note in notes if note.kind in ("connect", "rest"))
    assert "is not followed" in first
    assert told in first
    assert "secret" not in first


@pytest.mark.parametrize("what", ["rest", "stream"])
def test_nor_by_ccxt(what):
    """Which would follow both: aiohttp does."""
    pytest.importorskip("ccxt")
    timeouts = Timeouts(connect=5.0, stale=5.0, backoff=0.01, backoff_cap=0.02)

    async def run():
        async with Elsewhere() as other:
            redirect = answer("", 302, [f"Location: http://127.0.0.1:{other.port}/evil"])
            async with RawServer(lambda path, query: redirect if what == "rest" else markets(path)) as server:
                server.refuse = [redirect] * 100
                own = f"127.0.0.1:{server.port}"
                feed = CcxtFeed(
                    "binance", "BTC/USDT", rest=f"http://{own}", ws=f"ws://{own}", timeouts=timeouts
                )
                words = await problem_of(feed)
                return words, other.connections

    words, connections = asyncio.run(run())
    assert connections == 0
    assert "not followed" in words


async def problem_of(feed):
    """The first words of a feed about what keeps it waiting."""
    stream = feed.batches(None, Since())

    async def go():
        async for batch in stream:
            for item in batch:
                if isinstance(item, Note):
                    feed.health.problem = item.text

    task = asyncio.create_task(go())
    try:
        async with asyncio.timeout(20):
            while not feed.health.problem and not task.done():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.aclose()
    return feed.health.problem


def markets(path):
    """What ccxt asks for first, of one market, and no trades."""
    if path != "exchangeInfo":
        return answer("[]")
    return answer(
        '{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT",'
        '"isSpotTradingAllowed":true,"permissions":["SPOT"],"filters":[],"orderTypes":[]}]}'
    )

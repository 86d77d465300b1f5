"""A small server that answers as the exchange's REST interface does, from literal trades."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class Exchange:
    """Trades of BTCUSDT on 127.0.0.1, in a ``with`` block.

    Args:
        trades: (id, milliseconds, price text, amount text, buyer is the maker), oldest first.
        now: milliseconds of its clock.
        klines: rows as the exchange gives them, by interval.

    ``faults`` maps the number of an answer about data, from 1, to what is done instead: a status, or "cut", "empty",
    "old". ``asked`` are the questions so far; ``on`` calls something before the answer of a number.
    """

    def __init__(self, trades=(), now=0, klines=None):
        self.trades, self.now, self.klines = list(trades), now, klines or {}
        self.faults, self.on, self.asked = {}, {}, []
        self.lock = threading.Lock()

    def __enter__(self):
        exchange = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                exchange.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, handler):
        parts = urlsplit(handler.path)
        query = dict(parse_qsl(parts.query))
        name = parts.path.removeprefix("/api/v3/")
        if name == "time":
            return send(handler, 200, {"serverTime": self.now})
        if query.get("symbol", "BTCUSDT") != "BTCUSDT":
            return send(handler, 400, {"code": -1121, "msg": "Invalid symbol."})
        if name == "ticker/price":
            return send(handler, 200, [{"symbol": "BTCUSDT", "price": "1"}])
        with self.lock:
            self.asked.append((name, query))
            number = len(self.asked)
        if number in self.on:
            self.on[number]()
        body = self.agg_trades(query) if name == "aggTrades" else self.bars(query)
        fault = self.faults.get(number)
        if fault == "empty":
            body = []
        if fault == "cut":
            data = json.dumps(body).encode()
            return send(handler, 200, data[: len(data) // 2])
        if fault == "hang up":
            handler.close_connection = True
            return None
        if isinstance(fault, int):
            headers = {"Retry-After": "0"} if fault in (429, 418) else {}
            return send(handler, fault, {"code": -1003, "msg": "Too much."} if headers else {}, headers)
        return send(handler, 200, body, {"X-MBX-USED-WEIGHT-1M": "4"})

    def agg_trades(self, query):
        limit = min(int(query.get("limit", 500)), 1000)
        rows = self.trades
        if "fromId" in query:
            rows = [row for row in rows if row[0] >= int(query["fromId"])]
        elif "startTime" in query:
            rows = [row for row in rows if row[1] >= int(query["startTime"])]
        else:
            rows = rows[-limit:]
        return [
            {"a": id, "p": price, "q": amount, "f": id, "l": id, "T": time, "m": maker, "M": True}
            for id, time, price, amount, maker in rows[:limit]
        ]

    def bars(self, query):
        limit = min(int(query.get("limit", 500)), 1000)
        rows = self.klines[query["interval"]]
        if "startTime" not in query:
            return rows[-limit:]
        return [row for row in rows if row[0] >= int(query["startTime"])][:limit]


def send(handler, status, body, headers=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)

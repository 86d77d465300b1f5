"""The public market data of an exchange that speaks Binance's spot protocol."""

from .messages import AggTrade, Kline

__all__ = ["AggTrade", "Kline"]

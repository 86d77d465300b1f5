"""The public market data of an exchange that speaks Binance's spot protocol."""

from .feed import BinanceBars, BinanceTrades
from .messages import AggTrade, Kline
from .opening import open_binance
from .rest import RestClient, SymbolInfo

__all__ = ["AggTrade", "BinanceBars", "BinanceTrades", "Kline", "RestClient", "SymbolInfo", "open_binance"]

"""A loopback exchange that speaks the public market data protocol of Binance spot, faults included."""

"""Where data comes from, how it is cut, and how it is handed to training. Knows no model.

    trades.py       Trades, read_trades: trades from a CSV file, a parquet file or a data frame
    report.py       TradesReport: what was read and what was guessed
    simulator.py    simulate_trades: a seeded market, for when there is no data at hand
    splits.py       chronological_split: train, validation and test, with a purge gap
    steps.py        Steps: one feature row per time step, as tensors
    windows.py      Windows: shuffled batches of overlapping windows of Steps
    streams.py      Streams: contiguous slices of Steps for stateful truncated back-propagation

Behind read_trades: table.py (a table and its row numbers), files.py and csv_files.py (what a source
holds), columns.py (which column is which), numbers.py, times.py and optional.py (what the cells say).

Only steps.py, windows.py and streams.py import torch.
"""

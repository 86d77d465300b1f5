"""Data: reading, cutting into parts, and sampling for training. Independent of models.

    panel.py        Panel: what a forecast is made from, whatever it came from
    reading.py      read_panel: trades, bars or the columns of a table, as a Panel
    trades.py       Trades, read_trades: trades from a CSV file, a parquet file or a data frame
    bars.py         OHLCV bars from trades, by time, number of trades or volume
    resampling.py   longer bars from shorter ones
    bar_files.py    bars from a table, and volumes that changed places
    tables.py       regular series from the columns of a table
    calendar.py     public holidays as a column
    levels.py       Levels: the quantity that is forecast, its horizons, and its labels
    report.py       TradesReport, TableReport: what was read and what was guessed
    simulator.py    simulate_trades: a seeded market, for when there is no data at hand
    splits.py       chronological_split: train, validation and test, with a purge gap
    steps.py        Steps: one feature row per time step, as tensors
    piece.py        Piece: what training learns from at a time; Answers: which outputs are its answers; Sampler
    timing.py       Timing: which step an output refers to, where a model lags, strides or gives blocks
    windows.py      Windows: shuffled batches of overlapping windows of Steps
    streams.py      Streams: contiguous slices of Steps for stateful truncated back-propagation
    examples.py     Examples: ragged sequences with a label each, or one for each of their steps
    example_batches.py  what Buckets and Crops share
    buckets.py      Buckets: batches of Examples of about one length
    crops.py        Crops: random parts of long Examples
    example_folds.py  parts and folds of examples: groups kept together, classes in proportion

Behind them: files.py, csv_files.py and blocks.py (what a source holds), table.py (a table and its row
numbers), columns.py (which column is which), numbers.py, times.py, zones.py and optional.py (what the cells
say), series.py (rows in order), grid.py and regular.py (rows at every step).

Only those from steps.py on import torch, but for example_folds.py.
"""

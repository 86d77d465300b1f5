"""Atomic writing of files, and parsing of untrusted parquet in a child process.

atomic.py            written under a temporary name, then renamed
parquet.py          parquet, parsed in a child process, at once or in batches
parquet_child.py    that process
forking.py          refuses to work where a library's threads were lost in a fork
ending.py           a child process that ends with its parent
"""

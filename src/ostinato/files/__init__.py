"""Files from outside whose parser is not to be trusted with this process.

parquet.py          parquet, parsed in a process of its own, whole or in batches
parquet_child.py    that process
"""

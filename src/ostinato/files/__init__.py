"""Files that are whole or not there, and files from outside whose parser is not to be trusted with this process.

whole.py            written under another name, then renamed
parquet.py          parquet, parsed in a process of its own, whole or in batches
parquet_child.py    that process
forking.py          refuses to work where a library's threads were lost in a fork
ending.py           a process that ends with its parent
"""

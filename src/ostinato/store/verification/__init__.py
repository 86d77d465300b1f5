"""The parts of ``verify``; each reads rows as they are stored and trusts none of them.

opening.py    a connection that leaves no file next to the store
blocks.py     all rows by key, sealed days included
findings.py   mismatches, as text and as fields
events.py     keys, gaps, values
ledger.py     the chain over predictions
outcomes.py   what became of each prediction, from the events alone
scores.py     the stored scores held against it
groups.py     the events of a commit held against its digest
records.py    the second chain, over what was recorded with each commit
entries.py    the small tables held against it
tables.py     the small tables by themselves
"""

"""What ``bench_learning.py`` trains: the two tasks of the paper, and a short one for every layer."""

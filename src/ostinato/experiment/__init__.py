"""Experiments: what any task does between its data and a judged run.

    scores.py          what was reached on some rows, by the model and by each baseline
    search_folder.py   where the files of a search lie
    watching.py        progress of several training runs, one after the other

It knows no task by name.
"""

"""Endpoints under load, beside other ways to serve the same models on the same machine.

models.py      the two models: XGBoost alone, and a scikit-learn pipeline with categories; and rows to ask them
load.py        a client of one thread that keeps connections and notes how long each answer took
peers.py       the others: a virtual environment and a program (`programs/`) for each
compare.py     `python -m benchmarks hosting`: everybody in turn, a table and a chart
soak.py        `python -m benchmarks soak`: ten minutes of half load with workers killed, updates and scaling
"""

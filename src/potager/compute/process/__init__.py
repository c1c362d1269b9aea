"""Workloads as processes of this machine, forked from a parent that has its imports done.

    server ── executor.py ── JSON lines ──► zygote.py ── fork ──► shim.py ── fork ──► keeper.py ── fork ──► harness.py
              observes,                     imports,              claims, logs,       first of the          the entry
              stops, waits                  forks                 limits, records     namespaces, reaps     itself

The zygote dies with the server; shims live on, and another server finds them by the notes in the workload's folder
(`records.py`). A shim whose workload reads from named pipes forks one more process, which feeds them (`feeding.py`).
What a program can reach: `isolation.py`, `mounts.py`, `network.py`; what it may use: `limits.py`.
"""

"""Where work runs: workloads, the executors that run them, and the channel that predictions travel by."""

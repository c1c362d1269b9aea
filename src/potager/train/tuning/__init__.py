"""Hyperparameter tuning: jobs that run training jobs, each with values that a strategy proposes.

`search` decides (pure functions of the trials so far); what stands beside it holds the operations and the effects.
"""

"""Preparing data: processing jobs."""

"""Monitoring: what ran and what it said."""

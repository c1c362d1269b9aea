"""Deployment: models, the endpoints that serve them, and their invocation."""

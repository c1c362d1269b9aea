"""Who gets which traffic while an endpoint is updated, and who sees copies of it."""

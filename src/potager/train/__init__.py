"""Training: jobs that turn data into a model artifact."""

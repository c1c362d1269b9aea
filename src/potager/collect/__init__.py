"""Where data comes in and is kept: S3."""

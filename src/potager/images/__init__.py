"""The programs that run inside a job, one folder an image; each knows `/opt/ml` and no server."""

"""What can end the road early, told in one sentence instead of a traceback."""


class RoadError(RuntimeError):
    """The road ends here; the message says why, and what to do about it."""


class DataError(RoadError):
    """The data cannot be used as they are; the message says why, and what would do."""

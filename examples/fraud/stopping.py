"""Ctrl-C and SIGTERM as exceptions that arrive, so that the cleaning up happens.

An exception that a signal raises while a library runs a callback from C (botocore signs that way where `awscrt` is
installed) gets lost there, and the library waits for ever. So it is raised again every second until it is `heard`.
"""

import signal
from types import FrameType
from typing import NoReturn

AGAIN = 1.0  # seconds


def listen() -> None:
    """Turn SIGTERM to `SystemExit` and SIGINT to `KeyboardInterrupt`; an ignored SIGINT stays ignored."""
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)


def heard() -> None:
    """Stop repeating: the exception has arrived."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    if hasattr(signal, "setitimer"):  # Windows has no timers
        signal.signal(signal.SIGALRM, lambda *_: _raise(number))
        signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
    _raise(number)


def _raise(number: int) -> NoReturn:
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

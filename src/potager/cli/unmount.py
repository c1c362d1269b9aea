"""`potager unmount`, which stands beside `potager mount`."""

from __future__ import annotations

from potager.cli.mount import unmount as command

__all__ = ["command"]

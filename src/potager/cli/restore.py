"""`potager restore`, which stands beside `potager backup`."""

from __future__ import annotations

from potager.cli.backup import restore as command

__all__ = ["command"]

"""Potager: the machine-learning lifecycle on ground you own."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from potager.cli.local import Local, local

__version__ = "0.1.0.dev0"

__all__ = ["Local", "__version__", "local"]


def __getattr__(name: str) -> Any:
    # Imported when asked for, so that `import potager`, and with it the command and every worker, stays light.
    if name in ("Local", "local"):
        from potager.cli import local as module

        return getattr(module, name)
    raise AttributeError(f"module 'potager' has no attribute {name!r}")

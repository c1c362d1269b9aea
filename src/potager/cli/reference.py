"""Writes the table of `docs/reference/settings.md` from the declarations: `python -m potager.cli.reference FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from potager.kernel.settings import Setting, declared

BEGIN, END = "<!-- settings: written by potager.cli.reference -->", "<!-- end of settings -->"


def table() -> str:
    """Every setting as a row of a Markdown table."""
    head = "| option | variable | key in the file | default | what it does |\n|---|---|---|---|---|"
    return "\n".join([head, *map(_row, declared())])


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else setting.absent
    told = f"{setting.help} Must be {setting.expects}."
    return f"| `{setting.option}` | `{setting.variable}` | `{setting.name}` | {default} | {told} |"


def renewed(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text("utf-8")), "utf-8")

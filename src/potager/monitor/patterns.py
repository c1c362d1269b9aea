"""Filter patterns of CloudWatch Logs, as far as they are terms.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TERM = re.compile(r'(?P<sign>[?-]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>\S+))')


def terms(pattern: str) -> Callable[[str], bool]:
    """Whether a text matches: all plain terms in it, one `?` term at least where there are any, no `-` term.

    >>> matches = terms('?ERROR ?WARN -"exit code 0"')
    >>> matches("WARN low disk"), matches("ERROR: exit code 0"), matches("fine")
    (True, False, False)
    """
    needed: list[str] = []
    any_of: list[str] = []
    none_of: list[str] = []
    for found in _TERM.finditer(pattern):
        text = found["bare"] if found["quoted"] is None else re.sub(r"\\(.)", r"\1", found["quoted"])
        {"": needed, "?": any_of, "-": none_of}[found["sign"]].append(text)

    def matches(message: str) -> bool:
        return (
            all(term in message for term in needed)
            and (not any_of or any(term in message for term in any_of))
            and not any(term in message for term in none_of)
        )

    return matches

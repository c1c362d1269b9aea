"""XML read into small nodes, and written as text.

The reader is expat with nothing that a stranger's document could abuse: a DOCTYPE is refused, and with it every entity;
nesting and the number of elements are limited. Namespaces are dropped, because AWS's clients disagree about them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_DEPTH = 64
MAX_ELEMENTS = 200_000
"""CompleteMultipartUpload names 10,000 parts, in at most eight elements each."""


class NotXml(ValueError):
    """The bytes are not a document that we accept; the text says why."""


@dataclass(slots=True)
class Node:
    """An element: its name without namespace, its text, its children in their order."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    text: str = ""
    children: list[Node] = field(default_factory=list["Node"])

    def child(self, name: str) -> Node | None:
        return next((child for child in self.children if child.name == name), None)


def loads(data: bytes) -> Node:
    """The root of a document; `NotXml` for all else."""
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise NotXml(f"The XML is not well-formed: {error}") from error
    except (ValueError, LookupError) as error:
        raise NotXml(str(error)) from error
    return reader.root.children[0]


class _Reader:
    def __init__(self) -> None:
        self.root = Node("")
        self._open = [self.root]
        self._texts: list[list[str]] = [[]]
        self._count = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise NotXml(f"The XML has more than {MAX_DEPTH} levels or {MAX_ELEMENTS} elements.")
        node = Node(_local(name), {_local(key): value for key, value in attributes.items()})
        self._open[-1].children.append(node)
        self._open.append(node)
        self._texts.append([])

    def _end(self, name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _text(self, data: str) -> None:
        self._texts[-1].append(data)

    def _doctype(self, *_: object) -> None:
        raise NotXml("The XML has a DOCTYPE, which is not accepted.")


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}


def escape(text: str) -> str:
    """Text between tags or quotes; characters that XML 1.0 cannot hold at all become U+FFFD."""
    return _SPECIAL.sub(_escaped, text) if _SPECIAL.search(text) else text


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], "\ufffd")


DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

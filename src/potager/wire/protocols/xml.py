"""XML read into small nodes, and written as text.

The reader is expat with nothing that a stranger's document could abuse: a DOCTYPE is refused, and with it every entity;
nesting, the number of elements and the length of a tag are limited. Namespaces are dropped, because AWS's clients
disagree about them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_DEPTH = 64
MAX_ELEMENTS = 100_000
"""CompleteMultipartUpload names 10,000 parts, in at most eight elements each."""
PIECE = 16 * 2**10
"""Bytes that are parsed at once. A tag that is longer is refused: expat would hold the interpreter for all of it, some
microseconds for each attribute."""
MAX_ATTRIBUTES = 64
"""Of one element; S3's documents have a namespace and an `xsi:type`."""


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
        reader.read(data)
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
        self._moved = False
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.buffer_size = PIECE // 16
        self.parser.ordered_attributes = True
        self.parser.CommentHandler = self.parser.ProcessingInstructionHandler = self._other
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype

    def read(self, data: bytes) -> None:
        """Parses a document; each piece of it must end something, be it some text."""
        for at in range(0, len(data), PIECE):
            self._moved = False
            self.parser.Parse(data[at : at + PIECE], False)
            if not self._moved and at + PIECE < len(data):
                raise NotXml(f"The XML has a tag or a comment of more than {PIECE} bytes.")
        self.parser.Parse(b"", True)

    def _start(self, name: str, attributes: list[str]) -> None:
        self._moved = True
        self._count += 1
        if len(attributes) > 2 * MAX_ATTRIBUTES:
            raise NotXml(f"The XML has an element with more than {MAX_ATTRIBUTES} attributes.")
        if len(self._open) > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise NotXml(f"The XML has more than {MAX_DEPTH} levels or {MAX_ELEMENTS} elements.")
        node = Node(_local(name), dict(zip(map(_local, attributes[::2]), attributes[1::2], strict=True)))
        self._open[-1].children.append(node)
        self._open.append(node)
        self._texts.append([])

    def _end(self, name: str) -> None:
        self._moved = True
        self._open.pop().text = "".join(self._texts.pop())

    def _text(self, data: str) -> None:
        self._moved = True
        self._texts[-1].append(data)

    def _other(self, *_: object) -> None:
        self._moved = True

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

"""A tree of path templates: which operation a method and a path mean, and what stands in the template's labels.

    POST /endpoints/{EndpointName}/invocations  ─►  root ─ "endpoints" ─ {EndpointName} ─ "invocations" ─ POST

Segments are compared before they are decoded, so that `%2F` in a label stays a part of that label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from potager.wire import model


class Leaf(NamedTuple):
    """An operation, and its labels' names in their order."""

    service: str
    operation: str
    labels: tuple[str, ...]


@dataclass
class Node:
    """What may follow one segment of a path."""

    literals: dict[str, Node] = field(default_factory=dict[str, "Node"])
    label: Node | None = None
    greedy: dict[str, Leaf] = field(default_factory=dict[str, Leaf])
    leaves: dict[str, Leaf] = field(default_factory=dict[str, Leaf])

    def add(self, method: str, template: str, service: str, operation: str) -> None:
        """Grows the branch of one template such as `/a/{B}/{C+}`; the first of two equal ones stays."""
        node, labels = self, list[str]()
        for segment in template.partition("?")[0].strip("/").split("/"):
            if segment.endswith("+}"):
                node.greedy.setdefault(method, Leaf(service, operation, (*labels, segment[1:-2])))
                return
            if segment.startswith("{"):
                labels.append(segment[1:-1])
                node.label = node = node.label or Node()
            else:
                node = node.literals.setdefault(segment, Node())
        node.leaves.setdefault(method, Leaf(service, operation, tuple(labels)))

    def find(self, method: str, path: str) -> tuple[Leaf, dict[str, str]] | None:
        """The operation and its labels' values, decoded; literals win over labels."""
        for leaf, values in self._walk(method, path[1:].split("/"), 0, ()):
            return leaf, dict(zip(leaf.labels, (unquote(value) for value in values), strict=True))
        return None

    def _walk(
        self, method: str, segments: list[str], at: int, values: tuple[str, ...]
    ) -> Iterator[tuple[Leaf, tuple[str, ...]]]:
        if at == len(segments):
            if method in self.leaves:
                yield self.leaves[method], values
            return
        segment = segments[at]
        if segment in self.literals:
            yield from self.literals[segment]._walk(method, segments, at + 1, values)
        if self.label and segment:
            yield from self.label._walk(method, segments, at + 1, (*values, segment))
        if method in self.greedy:
            yield self.greedy[method], (*values, "/".join(segments[at:]))


@lru_cache(maxsize=1024)
def found(services: tuple[str, ...], method: str, path: str) -> tuple[Leaf, Mapping[str, str]] | None:
    """The operation of one of these services that a method and a path mean, and its labels' values."""
    return tree(services).find(method, path)


@cache
def tree(services: tuple[str, ...]) -> Node:
    """The templates of some rest services, in one tree."""
    root = Node()
    for service in services:
        for name in model.load(service).operation_names:
            http = model.operation(service, name).http
            root.add(http["method"], http["requestUri"], service, name)
    return root

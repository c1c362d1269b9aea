"""A variant two fleets of which answer: the old deployment's and the new one's."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from potager.deploy.router import Instance, Variant


@dataclass(frozen=True, slots=True)
class Split(Variant):
    """Both fleets' instances; a fleet that has none up leaves its share to the other.

    old, fresh : the two of them.
    share : of the requests that go to `fresh`, 0 to 1.
    """

    old: Variant
    fresh: Variant
    share: float

    def pick(self, model: str = "") -> Instance:
        """An instance of the fleet that is drawn."""
        drawn = self.fresh if random.random() < self.share else self.old  # noqa: S311 - traffic, not a secret
        if not any(instance.alive for instance in drawn.instances):
            drawn = self.old if drawn is self.fresh else self.fresh
        return drawn.pick(model)


def blend(old: Sequence[Variant], fresh: Sequence[Variant], share: Mapping[str, float]) -> list[Variant]:
    """The variants of two deployments in one: those of the same name share their traffic.

    share : of each variant's traffic that goes to the new deployment; weights shift with it.
    """
    new, total, fresh_total = {each.name: each for each in fresh}, _total(old), _total(fresh)
    return [
        _blended(each, each.weight / total, new[each.name], new[each.name].weight / fresh_total, share[each.name])
        if share.get(each.name)
        else each
        for each in old
    ]


def _total(variants: Sequence[Variant]) -> float:
    return sum(each.weight for each in variants) or 1.0


def _blended(old: Variant, weight: float, fresh: Variant, fresh_weight: float, share: float) -> Split:
    whole = weight * (1 - share) + fresh_weight * share
    part = fresh_weight * share / whole if whole else share
    return Split(old.name, whole, [*old.instances, *fresh.instances], old, fresh, part)

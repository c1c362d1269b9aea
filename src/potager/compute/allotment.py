"""What an instance type gets of this machine, decided from what there is and what is held. Pure: no clock, no disk.

    budget ┬─ kept for endpoints: an eighth, so that one can be deployed while a job has all the rest
           ├─ endpoints: half at most, in shares that get smaller as it fills; they hold memory and no cores
           └─ jobs: what endpoints leave, at least half; memory, cores and GPUs

A job that asks for more than jobs may have gets all of that, its hosts in proportion: it waits until nobody else has
any of it. So one job gets the same whatever happens to run beside it, and no endpoint keeps a job waiting for ever.
The memory that is granted, all together, never exceeds the budget.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from potager.compute import instances
from potager.compute.budget import MIB, Budget, amount, size
from potager.compute.instances import Shape
from potager.kernel.errors import LimitReached

NO_CAPACITY = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."
"""As AWS says it."""

LEAST = 256 * MIB
"""Bytes without which a host of a job is not started: an interpreter with its numeric libraries takes as much."""
ROOMY = 512 * MIB
"""Bytes of an endpoint's instance for as long as endpoints have so much left, in a machine of some size."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants.

    Parameters
    ----------
    key : names it for ever; a folder's name below `jobs`.
    told : what it is, for others who wait: "training job churn-7".
    kinds : the instance type of each host.
    since : when it was wanted, in seconds since 1970; turns go by it.
    use : a `job` has its end, a `server` stays.
    """

    key: str
    told: str
    kinds: tuple[str, ...]
    since: float
    use: Literal["job", "server"] = "job"


@dataclass(frozen=True, slots=True)
class Grant:
    """What one host may use: cores, bytes of memory, the numbers of its GPUs."""

    kind: str
    cpus: int
    memory: int
    gpus: tuple[int, ...] = ()

    def __str__(self) -> str:
        return amount(self.cpus, self.memory, len(self.gpus))

    def note(self) -> tuple[str, ...]:
        """A line for the log where it is less than the instance type has."""
        asked = instances.shape(self.kind)
        if (self.cpus, self.memory, len(self.gpus)) == (asked.cpus, asked.memory, asked.gpus):
            return ()
        has = amount(asked.cpus, asked.memory, asked.gpus)
        return (f"Instance: {self.kind} was asked for, which has {has}; this machine gives it {self}",)


@dataclass(frozen=True, slots=True)
class Share:
    """What was granted, host by host."""

    ask: Ask
    hosts: tuple[Grant, ...]

    @property
    def cpus(self) -> int:
        """Cores held; a server holds none."""
        return sum(host.cpus for host in self.hosts) if self.ask.use == "job" else 0

    @property
    def memory(self) -> int:
        return sum(host.memory for host in self.hosts)

    @property
    def gpus(self) -> tuple[int, ...]:
        """GPUs held; servers share theirs with whoever comes."""
        return tuple(number for host in self.hosts for number in host.gpus) if self.ask.use == "job" else ()


def offer(budget: Budget, held: Collection[Share], ask: Ask) -> Share | None:
    """What `ask` gets now, None where it must wait. `LimitReached` where it would wait for ever."""
    if ask.use == "server":
        return _server(budget, held, ask)
    room = _room(budget, held)
    due, gpus = _due(budget, ask, room), free_gpus(budget, held)
    spare = room - _memory(held, "job")
    if due.memory > spare or min(due.cpus, budget.cpus) > free_cpus(budget, held) or len(due.gpus) > len(gpus):
        return None
    left = iter(gpus)
    return Share(ask, tuple(replace(host, gpus=tuple(next(left) for _ in host.gpus)) for host in due.hosts))


def yielding(budget: Budget, held: Collection[Share], ask: Ask, keys: Sequence[str]) -> list[str]:
    """Which shares, of `keys` and the first of these, have to end so that `ask` has its turn; none where none helps."""
    ending: list[str] = []
    for key in keys:
        if not any(share.ask.key == key for share in held):
            continue
        ending.append(key)
        if offer(budget, [share for share in held if share.ask.key not in ending], ask) is not None:
            return ending
    return []


def _memory(held: Collection[Share], use: str) -> int:
    return sum(share.memory for share in held if share.ask.use == use)


def _room(budget: Budget, held: Collection[Share]) -> int:
    """Bytes that jobs may have, all together."""
    return budget.memory - max(budget.memory // 8, _memory(held, "server"))


def _due(budget: Budget, ask: Ask, room: int) -> Share:
    """What a job gets when it has its turn; which GPUs, is not said yet."""
    shapes = [instances.shape(kind) for kind in ask.kinds]
    memory = [shape.memory for shape in shapes]
    if sum(memory) > room:
        memory = [each * room // sum(memory) for each in memory]
        _check_least(memory, shapes, room)
    cpus = [min(shape.cpus, budget.cores or shape.cpus) for shape in shapes]
    if sum(cpus) > budget.cpus:
        cpus = [max(1, each * budget.cpus // sum(cpus)) for each in cpus]
    counts = _dealt([shape.gpus for shape in shapes], budget.gpus)
    return Share(ask, tuple(map(Grant, ask.kinds, cpus, memory, map(tuple, map(range, counts)))))


def _check_least(memory: Sequence[int], shapes: Sequence[Shape], room: int) -> None:
    for each, shape in zip(memory, shapes, strict=True):
        if each < min(LEAST, shape.memory):
            raise LimitReached(
                f"{NO_CAPACITY} {len(shapes)} instances share the {size(room)} of memory that jobs have on this "
                f"machine. That leaves {size(each)} for a {shape.kind}, and {size(LEAST)} is the least. Request fewer "
                f"instances, delete endpoints, or raise the server's setting memory."
            )


def _dealt(wanted: Sequence[int], there: int) -> list[int]:
    """How many GPUs each host gets where `there` are: all, or as even a part as can be."""
    if sum(wanted) <= there:
        return list(wanted)
    counts = [each * there // sum(wanted) for each in wanted]
    for at in range(there - sum(counts)):
        counts[at % len(counts)] += 1
    return counts


def _server(budget: Budget, held: Collection[Share], ask: Ask) -> Share | None:
    servers, jobs = _memory(held, "server"), _memory(held, "job")
    shape = instances.shape(ask.kinds[0])
    roomy = min(ROOMY, budget.memory // 16, shape.memory)
    pool = max(budget.memory // 2, min(budget.server_memory or 0, budget.memory - LEAST)) - servers
    most = budget.server_memory or max(roomy, pool // 4)
    memory = min(shape.memory, most, pool)
    if memory < min(roomy, most):
        raise LimitReached(
            f"{NO_CAPACITY} Endpoints hold {size(servers)} of the {size(servers + pool)} of memory that they may have "
            f"on this machine: {_named([share for share in held if share.ask.use == 'server'])}. Delete one, or raise "
            f"the server's setting memory."
        )
    free = budget.memory - servers - jobs
    if free < min(memory, roomy):
        return None
    gpus = _shared_gpus(budget, held, min(shape.gpus, budget.gpus))
    cpus = min(shape.cpus, budget.cpus, budget.cores or shape.cpus)
    return Share(ask, (Grant(shape.kind, cpus, min(memory, free), gpus),))


def _shared_gpus(budget: Budget, held: Collection[Share], count: int) -> tuple[int, ...]:
    """The GPUs that the fewest use."""
    used = [number for share in held for host in share.hosts for number in host.gpus]
    return tuple(sorted(range(budget.gpus), key=lambda number: (used.count(number), number))[:count])


def free_cpus(budget: Budget, held: Collection[Share]) -> int:
    """Cores that no job holds."""
    return max(0, budget.cpus - sum(share.cpus for share in held))


def free_gpus(budget: Budget, held: Collection[Share]) -> list[int]:
    """GPUs that no job holds."""
    taken = {number for share in held for number in share.gpus}
    return [number for number in range(budget.gpus) if number not in taken]


def waiting(budget: Budget, held: Collection[Share], ask: Ask, ahead: int) -> str:
    """What `ask` waits for, in words; `ahead` others were there before it."""
    free = max(0, budget.memory - sum(share.memory for share in held))
    there = amount(free_cpus(budget, held), free, len(free_gpus(budget, held)))
    turn = f" {ahead} before it wait{'s' if ahead == 1 else ''}, too." if ahead else ""
    kinds = ", ".join(f"{ask.kinds.count(kind)} x {kind}" for kind in dict.fromkeys(ask.kinds))
    return f"Waiting for {_wanted(budget, held, ask)} ({kinds}); {there} are free.{turn} {_holders(held)}".strip()


def _wanted(budget: Budget, held: Collection[Share], ask: Ask) -> str:
    if ask.use == "server":
        return "memory"
    due = _due(budget, ask, _room(budget, held))
    return amount(due.cpus, due.memory, len(due.gpus))


def _holders(held: Collection[Share]) -> str:
    return f"Held by {_named(held)}." if held else ""


def _named(held: Collection[Share]) -> str:
    """Who holds what, the largest first; the last ones only counted."""
    shown = sorted(held, key=lambda share: -share.memory)[:4]
    told = [f"{share.ask.told} ({_holds(share)})" for share in shown]
    return ", ".join(told) + (f" and {len(held) - len(shown)} more" if len(held) > len(shown) else "")


def _holds(share: Share) -> str:
    return amount(share.cpus, share.memory, len(share.gpus)) if share.cpus else size(share.memory)

"""The hosts of a training job and the groups that they stand in, read from its document. Pure.

    ResourceConfig   InstanceCount 3                       algo-1  algo-2  algo-3    of the group homogeneousCluster
                     InstanceGroups data: 1, train: 2      algo-1 | algo-2  algo-3   numbered across the groups
                     InstancePreferences ...               as InstanceCount has it: the first one is taken

An algorithm that its image brings trains on one host, whatever is asked for.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/train-heterogeneous-cluster.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from potager.compute import catalog, gang
from potager.kernel.errors import Invalid, LimitReached
from potager.train.script import program

LONE = "homogeneousCluster"
"""The group of a job that names none."""


@dataclass(frozen=True, slots=True)
class Group:
    """Hosts of one instance type."""

    name: str
    instance_type: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """All groups of a job, at least one, and at least one host."""

    groups: tuple[Group, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of all hosts, sorted as texts, as AWS lists them."""
        return tuple(sorted(host for group in self.groups for host in group.hosts))

    def group(self, host: str) -> Group:
        """The group of a host."""
        return next(group for group in self.groups if host in group.hosts)

    @property
    def instance_types(self) -> tuple[str, ...]:
        """The instance type of each host."""
        return tuple(self.group(host).instance_type for host in self.hosts)

    def readers(self, channel: Mapping[str, Any]) -> tuple[str, ...]:
        """The hosts that a channel is for: all, or those of the groups that it names."""
        named = channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames")
        return tuple(host for host in self.hosts if not named or self.group(host).name in named)


def of(doc: Mapping[str, Any]) -> Cluster:
    """The cluster of a job's document."""
    resources = doc["ResourceConfig"]
    counts = [group["InstanceCount"] for group in _groups(resources)]
    image = catalog.find(doc["AlgorithmSpecification"].get("TrainingImage", ""))
    if image is not None and not program.wanted(doc):
        counts = [1]
    names = sorted(gang.numbered(sum(counts)), key=lambda name: (len(name), name))
    return Cluster(tuple(_filled(_groups(resources), counts, names)))


def chosen(resources: Mapping[str, Any]) -> dict[str, Any]:
    """A ResourceConfig that says which of its preferences was taken, where it has any."""
    if not resources.get("InstancePreferences"):
        return dict(resources)
    (lone,) = _groups(resources)
    taken = {"SelectedInstanceType": lone["InstanceType"], "SelectedInstanceCount": lone["InstanceCount"]}
    return {**resources, **taken}


def _groups(resources: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    first = next(iter(resources.get("InstancePreferences", ())), resources)
    lone = {
        "InstanceGroupName": LONE,
        "InstanceType": first.get("InstanceType"),
        "InstanceCount": first.get("InstanceCount", resources.get("InstanceCount", 1)),
    }
    return resources.get("InstanceGroups") or [lone]


def _filled(groups: Sequence[Mapping[str, Any]], counts: Sequence[int], names: Sequence[str]) -> Iterator[Group]:
    at = 0
    for group, count in zip(groups, counts, strict=False):
        yield Group(group["InstanceGroupName"], group["InstanceType"], tuple(sorted(names[at : at + count])))
        at += count


def preface(doc: Mapping[str, Any], host: str) -> tuple[str, ...]:
    """What a host's log tells of the cluster, where there is more to it than one host."""
    hosts, asked = of(doc).hosts, sum(group["InstanceCount"] for group in _groups(doc["ResourceConfig"]))
    if len(hosts) > 1:
        return (f"Host {host} of {', '.join(hosts)}",)
    return (f"{asked} instances were asked for, and this image trains on one",) if asked > 1 else ()


def check(req: Mapping[str, Any]) -> None:
    """`Invalid` for a ResourceConfig or a channel that no cluster can have; `LimitReached` for too many hosts."""
    resources = req["ResourceConfig"]
    _check_resources(resources, spot=req.get("EnableManagedSpotTraining", False))
    groups = _groups(resources)
    names = [group["InstanceGroupName"] for group in groups]
    for group in groups:
        if names.count(group["InstanceGroupName"]) > 1:
            raise Invalid(f"ResourceConfig has two instance groups named '{group['InstanceGroupName']}'. Rename one.")
        if group["InstanceCount"] < 1:
            raise Invalid(
                f"InstanceCount {group['InstanceCount']} of {group['InstanceGroupName']} is too small. Set at least 1."
            )
    asked = sum(group["InstanceCount"] for group in groups)
    if asked > gang.MOST:
        raise LimitReached(
            f"The limit 'Number of instances for a training job' is {gang.MOST} Instances, and the job asks for "
            f"{asked}. They all share this machine: ask for fewer.",
        )
    for channel in req.get("InputDataConfig", ()):
        _check_channel(channel, names)


def _check_resources(resources: Mapping[str, Any], *, spot: bool) -> None:
    if resources.get("InstanceGroups") and (resources.get("InstanceType") or resources.get("InstanceCount")):
        raise Invalid("ResourceConfig names InstanceGroups and InstanceType or InstanceCount. Give one or the other.")
    for member in ("SelectedInstanceType", "SelectedInstanceCount"):
        if member in resources:
            raise Invalid(f"ResourceConfig.{member} is read-only. Leave it out.")
    if resources.get("InstancePreferences"):
        _check_preferences(resources, spot=spot)
    elif not (resources.get("InstanceGroups") or resources.get("InstanceType")):
        raise Invalid("ResourceConfig names no instances. Give InstanceType and InstanceCount, or InstanceGroups.")


def _check_preferences(resources: Mapping[str, Any], *, spot: bool) -> None:
    others = [name for name in ("InstanceType", "InstanceGroups", "InstancePlacementConfig") if resources.get(name)]
    if others or spot:
        other = others[0] if others else "EnableManagedSpotTraining"
        raise Invalid(f"ResourceConfig.InstancePreferences cannot be used with {other}. Leave one of the two out.")
    preferences = resources["InstancePreferences"]
    kinds = [each["InstanceType"] for each in preferences]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise Invalid(f"InstancePreferences names {kind} twice. Name it once.")
    counted = ["InstanceCount" in each for each in preferences]
    if any(counted) != all(counted) or all(counted) == ("InstanceCount" in resources):
        raise Invalid("Give InstanceCount either in ResourceConfig or in each of InstancePreferences.")


def _check_channel(channel: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames", ()):
        if name not in names:
            raise Invalid(
                f"Channel '{channel['ChannelName']}' names the instance group '{name}', which ResourceConfig does not "
                f"have. Its groups: {', '.join(names)}."
            )

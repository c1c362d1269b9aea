from __future__ import annotations

from typing import Any

import pytest

from potager.kernel.errors import Invalid, LimitReached
from potager.train import cluster, contract


def job(image: str = "python:3", **resources: Any) -> dict[str, Any]:
    return {"AlgorithmSpecification": {"TrainingImage": image}, "ResourceConfig": resources}


def group(name: str, count: int, kind: str = "ml.m5.large") -> dict[str, Any]:
    return {"InstanceGroupName": name, "InstanceCount": count, "InstanceType": kind}


PREFERRED = {"InstanceType": "ml.c5.large", "InstanceCount": 2}


def test_the_first_of_several_preferences_is_taken() -> None:
    resources = {"InstancePreferences": [PREFERRED, {"InstanceType": "ml.m5.large", "InstanceCount": 1}]}
    cluster.check(job(**resources))
    assert cluster.of(job(**resources)).instance_types == ("ml.c5.large", "ml.c5.large")
    taken = {"SelectedInstanceType": "ml.c5.large", "SelectedInstanceCount": 2}
    assert cluster.chosen(resources) == {**resources, **taken}
    assert cluster.of(job(**cluster.chosen(resources))).hosts == ("algo-1", "algo-2")
    with pytest.raises(Invalid, match="cannot be used with EnableManagedSpotTraining"):
        cluster.check(job(**resources) | {"EnableManagedSpotTraining": True})


def test_a_count_is_one_group() -> None:
    found = cluster.of(job(InstanceType="ml.c5.large", InstanceCount=2))
    assert found.groups == (cluster.Group("homogeneousCluster", "ml.c5.large", ("algo-1", "algo-2")),)
    assert found.hosts == ("algo-1", "algo-2")


def test_hosts_are_numbered_across_groups_and_sorted_as_texts() -> None:
    found = cluster.of(job(InstanceGroups=[group("feed", 1), group("learn", 9), group("judge", 1)]))
    assert [one.hosts for one in found.groups][::2] == [("algo-1",), ("algo-11",)]
    assert found.groups[1].hosts[:2] == ("algo-10", "algo-2")
    assert found.hosts[:3] == ("algo-1", "algo-10", "algo-11")
    assert found.group("algo-7").name == "learn"


def test_an_image_with_a_program_of_its_own_has_one_host_whatever_is_asked_for() -> None:
    asked = job("linear-learner:1", InstanceGroups=[group("a", 2), group("b", 3)])
    assert cluster.of(asked).hosts == ("algo-1",)
    assert cluster.preface(asked, "algo-1") == ("5 instances were asked for, and this image trains on one",)


def test_a_channel_is_for_the_groups_that_it_names() -> None:
    found = cluster.of(job(InstanceGroups=[group("feed", 1), group("learn", 2)]))
    source: dict[str, Any] = {"S3DataType": "S3Prefix"}
    assert found.readers({"DataSource": {"S3DataSource": source}}) == ("algo-1", "algo-2", "algo-3")
    source["InstanceGroupNames"] = ["learn"]
    assert found.readers({"DataSource": {"S3DataSource": source}}) == ("algo-2", "algo-3")


def test_a_host_finds_itself_and_its_group_in_resourceconfig() -> None:
    found = cluster.of(job(InstanceGroups=[group("feed", 1, "ml.c5.large"), group("learn", 2)]))
    assert contract.resource_config(found, "algo-2") == {
        "current_host": "algo-2",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "learn",
        "hosts": ["algo-1", "algo-2", "algo-3"],
        "instance_groups": [
            {"instance_group_name": "feed", "instance_type": "ml.c5.large", "hosts": ["algo-1"]},
            {"instance_group_name": "learn", "instance_type": "ml.m5.large", "hosts": ["algo-2", "algo-3"]},
        ],
        "network_interface_name": "lo",
    }


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ({"InstanceType": "ml.m5.large", "InstanceCount": 0}, "InstanceCount 0 of homogeneousCluster"),
        ({"InstanceGroups": [group("a", 1), group("a", 1)]}, "two instance groups named 'a'"),
        ({"InstanceGroups": [group("a", 1)], "InstanceCount": 1}, "one or the other"),
        ({"InstanceCount": 1}, "names no instances"),
        ({"InstanceType": "ml.m5.large", "SelectedInstanceCount": 30}, "SelectedInstanceCount is read-only"),
        ({"InstancePreferences": [PREFERRED], "InstanceType": "ml.m5.large"}, "cannot be used with InstanceType"),
        ({"InstancePreferences": [PREFERRED, PREFERRED]}, "names ml.c5.large twice"),
        ({"InstancePreferences": [PREFERRED], "InstanceCount": 1}, "either in ResourceConfig or in each"),
        ({"InstancePreferences": [{"InstanceType": "ml.c5.large"}]}, "either in ResourceConfig or in each"),
    ],
)
def test_what_no_cluster_can_be_is_refused(resources: dict[str, Any], told: str) -> None:
    with pytest.raises(Invalid, match=told):
        cluster.check(job(**resources))


def test_more_hosts_than_the_limit_are_refused() -> None:
    cluster.check(job(InstanceGroups=[group("a", 10), group("b", 10)]))
    with pytest.raises(LimitReached, match="is 20 Instances, and the job asks for 21"):
        cluster.check(job(InstanceGroups=[group("a", 10), group("b", 11)]))


def test_a_channel_for_a_group_that_is_not_there_is_refused() -> None:
    source = {"S3DataType": "S3Prefix", "InstanceGroupNames": ["b"]}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    with pytest.raises(Invalid, match=r"'train' names the instance group 'b'.* Its groups: a\."):
        cluster.check(job(InstanceGroups=[group("a", 1)]) | {"InputDataConfig": [channel]})

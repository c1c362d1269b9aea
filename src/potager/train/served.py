"""What of CreateTrainingJob is not served, refused by name instead of being passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from potager.compute import catalog
from potager.kernel import uris
from potager.kernel.errors import Invalid, Unserved
from potager.train import attempts, channels, checkpoints, cluster, pools
from potager.train.script import distribution, program

REFUSED = {
    "ServerlessJobConfig": "Leave it out.",
    "ModelPackageConfig": "Leave it out.",
    "MlflowConfig": "Leave it out.",
    "TensorBoardOutputConfig": "Have the program write to /opt/ml/output/data, which becomes output.tar.gz.",
    "DebugRuleConfigurations": "Leave them out: nothing would evaluate the rules.",
    "ProfilerRuleConfigurations": "Leave them out: nothing would evaluate the rules.",
}
"""Members that change what a job does or leaves, and that are not served at all, each with what to do instead."""


def check(req: Mapping[str, Any]) -> None:
    """`Unserved` for the first thing that the request asks and that is not done; `Invalid` for what no job could do."""
    for path, remedy in _unserved(req):
        raise Unserved(f"{path} is not served yet. {remedy}")
    if program.wanted(req):
        program.check(req)
        distribution.check(req, program.of(req))
    cluster.check(req)
    channels.check(req)
    attempts.check(req)
    checkpoints.check(req)
    pools.check(req)
    output = req["OutputDataConfig"]["S3OutputPath"]
    if not output.startswith("s3://"):
        raise Invalid(f"OutputDataConfig.S3OutputPath '{output}' is not an S3 URI. Expected s3://bucket/prefix.")
    uris.s3(output)


def _unserved(req: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is asked and not done: the member, and what to do instead."""
    algorithm, resources = req.get("AlgorithmSpecification"), req.get("ResourceConfig")
    if algorithm is None or resources is None:
        yield ("A job without AlgorithmSpecification or ResourceConfig", "Serverless jobs need AWS: add both.")
        return
    if not algorithm.get("TrainingImage"):
        yield "AlgorithmSpecification.AlgorithmName", "Name a TrainingImage."
    image = catalog.find(algorithm.get("TrainingImage", ""))
    if image is not None and image.processor:
        yield f"Training on the image {image.repository}", "It looks at tables, in processing jobs."
    if algorithm.get("ContainerEntrypoint") and image is not None and not image.runs_scripts:
        yield f"ContainerEntrypoint on the image {image.repository}", "Leave it out: the image has its own program."
    if req["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
        yield f"OutputDataConfig.CompressionType {req['OutputDataConfig']['CompressionType']}", "Use GZIP."
    for member, remedy in REFUSED.items():
        if req.get(member):
            yield member, remedy
    for channel in req.get("InputDataConfig", ()):
        yield from _channel(channel)


def _channel(channel: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    name = f"Channel '{channel['ChannelName']}'"
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        yield f"{name} without S3DataSource", "File systems are not reached: use S3."
        return
    if source["S3DataType"] == "Converse":
        yield f"{name} with S3DataType Converse", "Use S3Prefix, ManifestFile or AugmentedManifestFile."
    for member in ("ModelAccessConfig", "HubAccessConfig"):
        if source.get(member):
            yield f"{name} with {member}", "Put the data into a bucket of your own."

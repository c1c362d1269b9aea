"""What of CreateProcessingJob is not served, refused by name, and what no job could do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from potager.compute import catalog
from potager.compute.gang import MOST
from potager.compute.workload import spellable
from potager.kernel import uris
from potager.kernel.errors import Invalid, LimitReached, Unserved
from potager.prepare.processing import paths


def check(req: Mapping[str, Any]) -> None:
    """`Unserved` for the first thing that the request asks and that is not done; `Invalid` for what no job could do."""
    for what, remedy in _unserved(req):
        raise Unserved(f"{what} is not served yet. {remedy}")
    for one in req.get("ProcessingInputs", ()):
        _check_input(one)
    for one in _outputs(req):
        _check_output(one)
    _check_names([one["InputName"] for one in req.get("ProcessingInputs", ())], "ProcessingInputs")
    _check_names([one["OutputName"] for one in _outputs(req)], "ProcessingOutputConfig.Outputs")
    _check_paths([path for path, _ in paths.inputs(req)], [path for path, _ in paths.outputs(req)])
    _check_cluster(req["ProcessingResources"]["ClusterConfig"])
    _check_texts(req)


def _outputs(req: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return req.get("ProcessingOutputConfig", {}).get("Outputs", ())


def _unserved(req: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is asked and not done: the member, and what to do instead."""
    app = req["AppSpecification"]
    image = catalog.find(app["ImageUri"])
    own, name = image is not None and image.processor, catalog.repository(app["ImageUri"])
    if own and not app.get("ContainerEntrypoint") and app.get("ContainerArguments"):
        yield f"ContainerArguments for the image {name}'s own program", "It takes variables: give them in Environment."
    if not own and not app.get("ContainerEntrypoint"):
        yield (
            f"AppSpecification without ContainerEntrypoint on the image {name}",
            'It has no program of its own for processing: give the command, such as ["python3", "/opt/ml/processing/'
            'input/code/script.py"].',
        )
    for one in req.get("ProcessingInputs", ()):
        name = f"ProcessingInput '{one['InputName']}'"
        if "DatasetDefinition" in one:
            yield f"{name} with DatasetDefinition", "Bring the data into S3, and give S3Input."
        elif one.get("S3Input", {}).get("S3InputMode", "File") != "File" and not one.get("AppManaged"):
            yield f"{name} with S3InputMode Pipe", "Use File: inputs are linked, not copied, so a job starts as fast."
    for one in _outputs(req):
        if "FeatureStoreOutput" in one:
            yield f"ProcessingOutput '{one['OutputName']}' with FeatureStoreOutput", "Give S3Output."


def _check_input(one: Mapping[str, Any]) -> None:
    name = f"ProcessingInput '{one['InputName']}'"
    source = one.get("S3Input")
    if source is None:
        raise Invalid(f"{name} has no S3Input. Give exactly one of S3Input and DatasetDefinition.")
    uris.s3(source["S3Uri"])
    if one.get("AppManaged"):
        return
    if "LocalPath" not in source:
        raise Invalid(f"{name} has no LocalPath, which is required unless AppManaged is true.")
    if source.get("S3CompressionType", "None") != "None":
        raise Invalid(f"{name} has the S3CompressionType Gzip, which can only be used with the S3InputMode Pipe.")


def _check_output(one: Mapping[str, Any]) -> None:
    name = f"ProcessingOutput '{one['OutputName']}'"
    target = one.get("S3Output")
    if target is None:
        raise Invalid(f"{name} has no S3Output. Say where in S3 its content is to go.")
    uris.s3(target["S3Uri"])
    if not one.get("AppManaged") and "LocalPath" not in target:
        raise Invalid(f"{name} has no LocalPath, which is required unless AppManaged is true.")


def _check_names(names: Sequence[str], member: str) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise Invalid(f"{member} has two of the name '{twice[0]}'. Give each a name of its own.")


def _check_paths(inputs: Sequence[PurePosixPath], outputs: Sequence[PurePosixPath]) -> None:
    for path in inputs:
        if inputs.count(path) > 1:
            raise Invalid(f"Two inputs have the LocalPath '{paths.ML / path}'. Give each a folder of its own.")
        if path in outputs:
            raise Invalid(
                f"An input and an output have the LocalPath '{paths.ML / path}'. Give the output a folder of its own."
            )


def _check_cluster(cluster: Mapping[str, Any]) -> None:
    if ("InstanceType" in cluster) == ("InstancePreferences" in cluster):
        raise Invalid("ClusterConfig takes exactly one of InstanceType and InstancePreferences.")
    for member in ("SelectedInstanceType", "SelectedInstanceCount"):
        if member in cluster:
            raise Invalid(f"ClusterConfig.{member} is read-only. Leave it out.")
    asked = max(each.get("InstanceCount", 1) for each in (cluster, *cluster.get("InstancePreferences", ())[:1]))
    if asked > MOST:
        raise LimitReached(
            f"The limit 'Number of instances for a processing job' is {MOST} Instances, and the job asks for "
            f"{asked}. They all share this machine: ask for fewer."
        )


def _check_texts(req: Mapping[str, Any]) -> None:
    app = req["AppSpecification"]
    given = (
        *app.get("ContainerEntrypoint", ()),
        *app.get("ContainerArguments", ()),
        *req.get("Environment", {}).values(),
    )
    for text in given:
        if not spellable(text):
            raise Invalid(
                f"{text[:80]!r} cannot be an argument or a variable of a program. Take NUL and surrogates out."
            )

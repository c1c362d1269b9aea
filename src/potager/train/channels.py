"""What a job's channels may ask for together, refused as AWS refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.kernel.errors import Invalid


def check(req: Mapping[str, Any]) -> None:
    """`Invalid` for the first channel that no job could have."""
    channels = req.get("InputDataConfig", ())
    names = [channel["ChannelName"] for channel in channels]
    for name in names:
        if name in (".", ".."):
            raise Invalid(f"A channel cannot be named '{name}': it is a folder's name. Choose another.")
        if names.count(name) > 1:
            raise Invalid(f"InputDataConfig has two channels named '{name}'. Give each channel a name of its own.")
    for channel in channels:
        mode = mode_of(channel, req)
        _check_mode(channel, mode)
        _check_source(channel, mode)
        if mode == "Pipe":
            _check_pipes(channel["ChannelName"], names)


def mode_of(channel: Mapping[str, Any], doc: Mapping[str, Any]) -> str:
    """A channel's input mode, its own or the job's."""
    return channel.get("InputMode") or doc["AlgorithmSpecification"].get("TrainingInputMode", "File")


def _check_mode(channel: Mapping[str, Any], mode: str) -> None:
    for member, what in (("CompressionType", "compression type"), ("RecordWrapperType", "record wrapper type")):
        asked = channel.get(member, "None")
        if mode != "Pipe" and asked != "None":
            text = f"Invalid {what} for channel {channel['ChannelName']}: {mode} mode only supports NONE, got {asked}"
            raise Invalid(f"{text} instead")


def _check_source(channel: Mapping[str, Any], mode: str) -> None:
    name, source = channel["ChannelName"], channel["DataSource"].get("S3DataSource", {})
    augmented, names = source.get("S3DataType") == "AugmentedManifestFile", source.get("AttributeNames")
    if augmented and mode != "Pipe":
        raise Invalid(
            f"Invalid input mode for channel {name}: S3DataType AugmentedManifestFile only supports Pipe mode, got "
            f"{mode} instead. Set the channel's InputMode to Pipe."
        )
    if augmented and not names:
        raise Invalid(
            f"Channel {name} has S3DataType AugmentedManifestFile and no AttributeNames. Name those attributes of its "
            "lines that the job shall read."
        )
    if names and not augmented:
        raise Invalid(
            f"Channel {name} has AttributeNames, which only S3DataType AugmentedManifestFile takes, not "
            f"{source.get('S3DataType')}. Leave them out."
        )


def _check_pipes(name: str, names: list[str]) -> None:
    for other in names:
        before, _, epoch = other.rpartition("_")
        if before == name and epoch.isdecimal():
            raise Invalid(
                f"Channel {other} has the name of a pipe of channel {name}, which is in Pipe mode. Rename one of them."
            )

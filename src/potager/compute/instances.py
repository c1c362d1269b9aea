"""What AWS's instance types have: `ml.<family>.<size>` -> vCPUs, memory, GPUs.

Most families are regular: a size says how many vCPUs there are (`large` 2, `xlarge` 4, `8xlarge` 32) and the family how
much memory each of them has. The rest stands in a table, in the words of
https://aws.amazon.com/ec2/instance-types/ and https://aws.amazon.com/sagemaker/ai/pricing/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from potager.kernel.errors import Invalid

GIB = 2**30

_SIZES = {"medium": 1, "large": 2, "xlarge": 4}
"""vCPUs by size; `Nxlarge` has four times N."""

_PER_VCPU: Mapping[str, float] = {"c": 2, "m": 4, "r": 8}
"""GiB of memory a vCPU, by the letter that a general family's name begins with."""

_SPECIAL: Mapping[str, float] = {
    "c4": 1.875,
    "c5n": 2.625,
    "g4dn": 4,
    "g5": 4,
    "g6": 4,
    "g6e": 8,
    "g7": 4,
    "g7e": 8,
    "dl1": 8,
    "inf1": 2,
    "inf2": 4,
    "trn1": 4,
    "trn1n": 4,
}
"""The same for families whose letter says nothing, or something else."""

_GPUS: Mapping[str, Mapping[str, int]] = {
    "g4dn": {"12xlarge": 4},
    "g5": {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "g6": {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "g6e": {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "g7": {"12xlarge": 2, "24xlarge": 4, "48xlarge": 8},
    "g7e": {"12xlarge": 2, "24xlarge": 4, "48xlarge": 8},
}
"""GPUs by size, of the families whose other sizes have one."""

_ROWS: Mapping[str, tuple[int, float, int]] = {
    "t2.medium": (2, 4, 0),
    "t2.large": (2, 8, 0),
    "t2.xlarge": (4, 16, 0),
    "t2.2xlarge": (8, 32, 0),
    "t3.medium": (2, 4, 0),
    "t3.large": (2, 8, 0),
    "t3.xlarge": (4, 16, 0),
    "t3.2xlarge": (8, 32, 0),
    "c4.8xlarge": (36, 60, 0),
    "c5n.9xlarge": (36, 96, 0),
    "c5n.18xlarge": (72, 192, 0),
    "g7e.12xlarge": (48, 512, 2),
    "g7e.24xlarge": (96, 1024, 4),
    "g7e.48xlarge": (192, 2048, 8),
    "p2.xlarge": (4, 61, 1),
    "p2.8xlarge": (32, 488, 8),
    "p2.16xlarge": (64, 732, 16),
    "p3.2xlarge": (8, 61, 1),
    "p3.8xlarge": (32, 244, 4),
    "p3.16xlarge": (64, 488, 8),
    "p3dn.24xlarge": (96, 768, 8),
    "p4d.24xlarge": (96, 1152, 8),
    "p4de.24xlarge": (96, 1152, 8),
    "p5.4xlarge": (16, 256, 1),
    "p5.48xlarge": (192, 2048, 8),
    "p5e.48xlarge": (192, 2048, 8),
    "p5en.48xlarge": (192, 2048, 8),
    "p6-b200.48xlarge": (192, 2048, 8),
    "p6-b300.48xlarge": (192, 4096, 8),
    "p6e-gb200.36xlarge": (144, 960, 4),
    "trn2.48xlarge": (192, 2048, 0),
}
"""vCPUs, GiB and GPUs of what is regular in nothing."""

_SIZED = re.compile(r"(?:serverless|copy)\.(?P<memory>[0-9]{1,9})")

_NAME = re.compile(r"(?:ml\.)?(?P<family>(?P<letter>[a-z])[a-z0-9-]*)\.(?P<size>medium|large|(?P<times>[0-9]*)xlarge)")


@dataclass(frozen=True, slots=True)
class Shape:
    """What an instance has. `memory` in bytes; `accelerated` where it has a GPU or one of AWS's own chips."""

    kind: str
    cpus: int
    memory: int
    gpus: int = 0

    @property
    def accelerated(self) -> bool:
        return bool(self.gpus) or self.kind.removeprefix("ml.").startswith(("dl", "inf", "trn"))


def serverless(memory: int) -> str:
    """The kind of a serverless worker with `memory` MiB: it has a core for each GiB."""
    return f"serverless.{memory}"


def copy(memory: int) -> str:
    """The kind of a copy of an inference component that may use `memory` MiB: it has a core for each GiB."""
    return f"copy.{memory}"


def shape(kind: str) -> Shape:
    """What an instance of that type has; `Invalid` for a type that is none of AWS's."""
    if sized := _SIZED.fullmatch(kind):
        memory = int(sized["memory"])
        return Shape(kind, max(1, memory // 1024), memory * 2**20)
    found = _NAME.fullmatch(kind)
    if found is None:
        raise Invalid(f"'{kind}' is not an instance type. Choose one of AWS's, such as ml.m5.large.")
    family, size = found["family"], found["size"]
    row = _ROWS.get(f"{family}.{size}")
    if row is None:
        cpus = _SIZES[size] if size in _SIZES else 4 * int(found["times"])
        each = _SPECIAL.get(family) or _PER_VCPU.get(found["letter"])
        if each is None:
            raise Invalid(f"The instance type '{kind}' is of a family that is not known. Choose another, e.g. ml.m5.")
        row = (cpus, cpus * each, _GPUS[family].get(size, 1) if family in _GPUS else 0)
    return Shape(kind, row[0], round(row[1] * GIB), row[2])

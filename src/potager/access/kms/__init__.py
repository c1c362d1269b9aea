"""KMS, a small one: symmetric keys, and what is encrypted with them. The keys themselves rest in `store.keyring`.

    service.py     the table of operations, and the keyring's faults in KMS's words
    keys.py        CreateKey, DescribeKey, ListKeys, EnableKey ... CancelKeyDeletion
    aliases.py     CreateAlias, UpdateAlias, DeleteAlias, ListAliases
    using.py       Encrypt, Decrypt, ReEncrypt, GenerateDataKey, GenerateRandom
    rotation.py    EnableKeyRotation ... ListKeyRotations
    details.py     key policies, which are kept and not asked, and tags
    tending.py     what comes due: deletions, rotations

S3 uses the same keys without this room: a disabled key closes the objects under it.
"""

from __future__ import annotations

from potager.access.kms import aliases, details, keys, rotation, using
from potager.access.kms.service import service
from potager.access.kms.tending import Tending

__all__ = ["Tending", "aliases", "details", "keys", "rotation", "service", "using"]

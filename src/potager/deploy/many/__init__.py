"""Multi-model containers: models that lie below a prefix in S3, brought into a worker when they are asked for.

    TargetModel ─► place.key ─► Shelf ─► loaded? ──────────────────────────────► Worker
                                   └► not yet: fetched, room made, loaded ─► kept until others need the room

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoints.html
"""

from __future__ import annotations

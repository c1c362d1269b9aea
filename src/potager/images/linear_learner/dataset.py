"""Rows with labels, as a channel yields them."""

from __future__ import annotations

from dataclasses import dataclass

from potager.images.linear_learner.arrays import Float32, Float64


@dataclass(frozen=True)
class Dataset:
    """`features`: `(n_rows, n_features)` float32, standardised in place once; `labels`: `(n_rows,)` float64, raw."""

    features: Float32
    labels: Float64

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def width(self) -> int:
        return self.features.shape[1]

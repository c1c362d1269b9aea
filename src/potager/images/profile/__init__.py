"""The profile image: looks at a table as a processing job and writes what a careful reader would want to know of it.

    /opt/ml/processing/input/**  ─► reading ─► blocks of rows ─► columns (exact, streamed) ─┐
                                                  └─► sample (rows, bounded, seeded) ─► describe, relations, target
    /opt/ml/processing/output/profile.json ◄─ document ◄─ findings (warnings and what to do) ◄┘

Counts, extremes, means and deviations are exact, however large the file; what needs all values at once (quantiles,
histograms, relations) comes of a random sample, which is the whole table where that is small. Memory is bounded by the
sample and by what is kept of each column. NumPy alone; Parquet through pyarrow, where it is installed. This module is
what the platform may know of the image without loading any of its code.
"""

from __future__ import annotations

METRICS: tuple[tuple[str, str], ...] = ()
"""The image prints no metrics of its own."""

PROCESSOR = "potager.images.profile.process:main"
"""The entry of a processing job that names no command."""

VERSION = 1
"""Of `profile.json`; another one where its members change."""

FILE = "profile.json"
"""What it writes."""

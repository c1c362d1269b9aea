"""The scikit-learn image (`sagemaker-scikit-learn`): the plain Python image with scikit-learn's defaults.

The contract is that of AWS's container (https://github.com/aws/sagemaker-scikit-learn-container). This module is what
the platform may know of the image without loading any of its code.
"""

from __future__ import annotations

METRICS: tuple[tuple[str, str], ...] = ()
"""The image prints no metrics of its own."""

SCRIPT = True
"""It runs programs of the user's."""

FRAMEWORK_MODULE = "sagemaker_sklearn_container.training:main"
"""What AWS's image says in `SM_FRAMEWORK_MODULE`."""

REQUIRES = ("scikit-learn", "pandas", "joblib")
"""Distributions that it needs, which `EXTRA` of Potager's brings."""

EXTRA = "sklearn"

WARM = ("pandas", "joblib", "scipy.stats", "sklearn.ensemble", "sklearn.linear_model", "sklearn.model_selection")
"""What a warm pool keeps imported."""

SERVES = (*WARM, "sklearn.compose", "sklearn.pipeline", "onnxruntime")
"""What the parent of its serving workers has imported."""

"""The TensorFlow images (`tensorflow-training`, `tensorflow-inference`): scripts, and SavedModels by TF Serving's body.

The contract is that of AWS's container (https://github.com/aws/sagemaker-tensorflow-serving-container). This module is
what the platform may know of the image without loading any of its code.
"""

from __future__ import annotations

METRICS: tuple[tuple[str, str], ...] = ()
"""The image prints no metrics of its own."""

SCRIPT = True
"""It runs programs of the user's."""

FRAMEWORK_MODULE = "sagemaker_tensorflow_container.training:main"
"""What AWS's image says in `SM_FRAMEWORK_MODULE`."""

REQUIRES = (("tensorflow-cpu", "tensorflow"),)
"""Distributions that it needs, which `EXTRA` of Potager's brings; of two that do the same, either."""

EXTRA = "tensorflow"

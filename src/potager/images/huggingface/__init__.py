"""The Hugging Face images (`huggingface-pytorch-training`, `-inference`): scripts, and pipelines that need none.

The contract is that of AWS's toolkit (https://github.com/aws/sagemaker-huggingface-inference-toolkit). This module is
what the platform may know of the image without loading any of its code.
"""

from __future__ import annotations

METRICS: tuple[tuple[str, str], ...] = ()
"""The image prints no metrics of its own."""

SCRIPT = True
"""It runs programs of the user's."""

FRAMEWORK_MODULE = "sagemaker_pytorch_container.training:main"
"""What AWS's image says in `SM_FRAMEWORK_MODULE`: it is made from PyTorch's."""

REQUIRES = ("transformers", "torch")
"""Distributions that it needs, which `EXTRA` of Potager's brings."""

EXTRA = "huggingface"

WARM = ("torch", "transformers")
"""What a warm pool keeps imported."""

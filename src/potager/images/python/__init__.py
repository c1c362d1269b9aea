"""The plain Python image: serves a model by the user's script. What the platform may know of it without loading code.

    serve.load ─► script.find ─► script.imported ─► handlers.functions ─► model_fn ─► Predictor
                                                         ▲
                          defaults of a framework's image (`images/scikit_learn`)

The contract is that of AWS's sagemaker-inference toolkit, written anew
(https://github.com/aws/sagemaker-inference-toolkit): `model_fn`, `input_fn`, `predict_fn`, `output_fn`, `transform_fn`.
"""

from __future__ import annotations

METRICS: tuple[tuple[str, str], ...] = ()
"""The image prints no metrics of its own."""

SCRIPT = True
"""It runs programs of the user's."""

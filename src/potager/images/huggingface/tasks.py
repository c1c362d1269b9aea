"""The task of a model that does not say, told by the end of its architecture's name, as AWS's toolkit tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from potager.images.python.errors import BrokenModel

ARCHITECTURES = {
    "TapasForQuestionAnswering": "table-question-answering",
    "ForQuestionAnswering": "question-answering",
    "ForTokenClassification": "token-classification",
    "ForSequenceClassification": "text-classification",
    "ForMultipleChoice": "multiple-choice",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ForConditionalGeneration": "text2text-generation",
    "MTModel": "text2text-generation",
    "EncoderDecoderModel": "text2text-generation",
}
"""The first end that fits, to its task."""


def of(model: Path) -> str:
    """The task of a model folder; `BrokenModel` where its config.json tells none."""
    try:
        config: Any = json.loads((model / "config.json").read_text())
        architecture = str((config.get("architectures") or [""])[0])
    except (ValueError, AttributeError, IndexError) as error:
        raise BrokenModel(f"config.json of the model cannot be read: {error}") from error
    for end, task in ARCHITECTURES.items():
        if architecture.endswith(end):
            return task
    raise BrokenModel(f"The architecture '{architecture}' tells no task. Set the variable HF_TASK of the model.")

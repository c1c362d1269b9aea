"""A model of transformers small enough for a test: one layer, random weights, a vocabulary written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "day", "night"]


def save(folder: Path) -> None:
    """Saves a classifier of two classes and its tokenizer."""
    import torch
    import transformers

    torch.manual_seed(0)
    words: Any = {word: number for number, word in enumerate(VOCABULARY)}
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    transformers.BertTokenizerFast(vocab=words).save_pretrained(folder)

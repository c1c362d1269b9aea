"""What an SDK user brings to HuggingFace(entry_point=...): a classifier of two classes, small enough for a test."""

import argparse
import os

import torch
import transformers

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int)
arguments = parser.parse_args()

folder = os.environ["SM_MODEL_DIR"]
with open(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv")) as file:
    rows = [line.strip().split(",") for line in file]
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({word for text, _ in rows for word in text.split()})]
tokenizer = transformers.BertTokenizerFast(vocab={word: number for number, word in enumerate(words)})
config = transformers.BertConfig(
    vocab_size=len(words),
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
    max_position_embeddings=32,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    id2label={0: "bad", 1: "good"},
    label2id={"bad": 0, "good": 1},
)
torch.manual_seed(0)
model = transformers.BertForSequenceClassification(config)
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
batch = tokenizer([text for text, _ in rows], padding=True, return_tensors="pt")
labels = torch.tensor([int(label) for _, label in rows])
for _ in range(arguments.steps):
    optimizer.zero_grad()
    loss = model(**batch, labels=labels).loss
    loss.backward()
    optimizer.step()
print(f"loss={loss.item():.6f}")
model.save_pretrained(folder)
tokenizer.save_pretrained(folder)

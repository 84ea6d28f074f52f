"""Sentence embeddings: the mean of an encoder's token vectors, as in Sentence-BERT (Reimers and Gurevych 2019)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from tokenizers import Tokenizer

from pipeline.encoding.batches import batches_by_length

MAX_TOKENS = 128
Vectors = NDArray[np.float32]


def embed(texts: Sequence[str], folder: Path) -> Vectors:
    """Unit vectors of shape (texts, width of the encoder) by the encoder of a folder; equal texts are embedded once."""
    import torch  # here, for it takes seconds and only prototypes need it
    from transformers import AutoModel

    unique = list(dict.fromkeys(texts))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    tokens = [encoding.ids for encoding in tokenizer.encode_batch(unique)]
    encoder = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    vectors = np.zeros((len(unique), encoder.config.hidden_size), dtype=np.float32)
    batches = batches_by_length([len(ids) for ids in tokens])
    if not sys.stderr.isatty():
        print(f"embedding {len(unique)} sentences", file=sys.stderr, flush=True)
    for rows in track(batches, f"Embedding {len(unique)} sentences", disable=not sys.stderr.isatty()):
        width = max(len(tokens[row]) for row in rows)
        ids = torch.tensor([tokens[row] + [0] * (width - len(tokens[row])) for row in rows])
        mask = torch.tensor([[1] * len(tokens[row]) + [0] * (width - len(tokens[row])) for row in rows])
        with torch.inference_mode():
            states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state * mask.unsqueeze(2)
            vectors[rows] = torch.nn.functional.normalize(states.sum(dim=1), dim=1).numpy()
    places = {text: row for row, text in enumerate(unique)}
    return vectors[[places[text] for text in texts]]

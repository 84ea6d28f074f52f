"""The fine-tuned classifier as it is stored and used; `finetuning` trains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerBase

from pipeline.classifiers.batching import score_batches
from pipeline.classifiers.decision import Decision, Matrix, Readable
from pipeline.classifiers.network import LossWeights, MultiTaskNetwork
from pipeline.classifiers.tokens import Arrays, SentenceTokenizer, load_reading
from pipeline.encoding.batches import BATCH_TOKENS
from pipeline.storage import read_json, seal, verify, write_json

KIND = "finetuned"


class Finetuned:
    """A fine-tuned classifier in PyTorch."""

    name = "finetuned"

    def __init__(self, network: MultiTaskNetwork, tokenizer: SentenceTokenizer, decision: Decision, sha256: str = ""):
        self.network = network
        self.tokenizer = tokenizer
        self.decision = decision
        self.sha256 = sha256
        self.batch_tokens = BATCH_TOKENS

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        """Topic probabilities (n, topics) and stance probabilities (n, stances)."""
        self.network.eval()
        return score_batches(sentences, self.tokenizer, self.decision, self._run, self.batch_tokens)

    def _run(self, arrays: Arrays) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        device = next(self.network.parameters()).device
        inputs = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            topic_logits, stance_logits = self.network.logits(**inputs)
        return torch.sigmoid(topic_logits.float()).cpu().numpy(), torch.softmax(stance_logits.float(), 1).cpu().numpy()


def save(model: Finetuned, tokenizer: PreTrainedTokenizerBase, folder: Path) -> str:
    """Write the model into an empty folder; returns its hash."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.network.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    model.network.encoder.config.save_pretrained(folder)  # type: ignore[operator,union-attr]
    tokenizer.save_pretrained(folder)
    write_json(folder / "reading.json", asdict(model.tokenizer.reading))
    write_json(folder / "decision.json", model.decision.as_json())
    return seal(folder, KIND)


def load(folder: Path) -> Finetuned:
    """Read a model folder whose hashes hold.

    Raises:
        UserError: when a file is missing or was changed.
    """
    manifest = verify(folder)
    decision = Decision.from_json(read_json(folder / "decision.json"))
    encoder = AutoModel.from_config(AutoConfig.from_pretrained(folder))  # type: ignore[no-untyped-call]
    tokenizer = SentenceTokenizer(folder / "tokenizer.json", load_reading(folder))
    network = MultiTaskNetwork(
        encoder, len(decision.topics), len(decision.stances), 0.0, LossWeights(), tokenizer.reading.pooling
    )
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return Finetuned(network, tokenizer, decision, manifest["sha256"])

"""Masked-word training: an encoder goes on learning from plain sentences before it is fine-tuned on labels.

Masks are those of BERT (Devlin et al. 2019): 15 per cent of the tokens, of which 80 per cent are hidden, 10 are
another token and 10 stay. "Don't Stop Pretraining" (Gururangan et al. 2020) measures what it brings on new text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pipeline.classifiers.checkpoint import Checkpoints
from pipeline.classifiers.loop import Curve, Material, Plan, fit
from pipeline.classifiers.tokens import SentenceTokenizer, Tokens
from pipeline.errors import UserError
from pipeline.params import TrainFinetunedParams

_SHARE = 0.15
_IGNORED = -100


@dataclass(frozen=True)
class Vocabulary:
    """What masking must know of a tokenizer: its size, its mask, and the special tokens that are never masked."""

    size: int
    mask: int
    special: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, source: Path) -> Vocabulary:
        """That of an encoder's tokenizer.

        Raises:
            UserError: when it has no mask token.
        """
        if tokenizer.mask_token_id is None:
            raise UserError.one("the encoder has no mask token", source, "set train_finetuned.masked_epochs to 0")
        return cls(len(tokenizer), int(tokenizer.mask_token_id), tuple(tokenizer.all_special_ids))


@dataclass(frozen=True)
class MaskedSentences:
    """Sentences to be masked anew each time a batch of them is asked for, by torch's random numbers."""

    tokenizer: SentenceTokenizer
    tokens: Sequence[Tokens]
    vocabulary: Vocabulary

    def batch(self, rows: Sequence[int]) -> dict[str, Tensor]:
        """Inputs of shape (n, longest), and as `wanted` the hidden tokens, -100 elsewhere."""
        arrays = self.tokenizer.pad([self.tokens[row] for row in rows])
        inputs = {name: torch.from_numpy(array) for name, array in arrays.items()}
        ids = inputs["input_ids"]
        draw, kind = torch.rand(ids.shape), torch.rand(ids.shape)
        chosen = (draw < _SHARE) & ~torch.isin(ids, torch.tensor(self.vocabulary.special))
        others = torch.randint(self.vocabulary.size, ids.shape)
        shown = torch.where(chosen & (kind < 0.8), self.vocabulary.mask, ids)
        inputs["input_ids"] = torch.where(chosen & (kind >= 0.9), others, shown)
        return {**inputs, "wanted": torch.where(chosen, ids, _IGNORED)}


class MaskedWordNetwork(nn.Module):
    """An encoder with a head that names hidden tokens; its last layer is the encoder's own word embedding."""

    def __init__(self, encoder: PreTrainedModel):
        super().__init__()
        words, width = _embedding(encoder).shape
        self.encoder = encoder
        self.turn = nn.Linear(int(encoder.config.hidden_size), width)
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(words))

    def forward(self, wanted: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
        """The mean loss over hidden tokens; `wanted` (n, length) is -100 where nothing is hidden."""
        hidden = wanted != _IGNORED
        states = self.encoder(**inputs).last_hidden_state[hidden]  # only these need the whole vocabulary
        logits = self.norm(functional.gelu(self.turn(states))) @ _embedding(self.encoder).T + self.bias
        loss = functional.cross_entropy(logits.float(), wanted[hidden], reduction="sum")
        return {"loss": loss / hidden.sum().clamp(min=1)}


def _embedding(encoder: Any) -> Tensor:
    """An encoder's word embedding (words, width); no attribute of the network, which would hold it twice."""
    weight: Tensor = encoder.get_input_embeddings().weight
    return weight


def adapt(
    encoder: PreTrainedModel, sentences: MaskedSentences, params: TrainFinetunedParams, checkpoints: Checkpoints
) -> Curve:
    """Train `encoder` in place to name the hidden words of `sentences`; returns its loss by epoch."""
    torch.manual_seed(params.seed)
    network = MaskedWordNetwork(encoder).to(encoder.device)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": params.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=params.learning_rate, fused=True)
    lengths = [len(tokens.ids) for tokens in sentences.tokens]
    tell = lambda point: print(f"masked words: {point}", flush=True)  # noqa: E731
    plan = Plan(
        "masked words", params.masked_epochs, params.batch_size, params.warmup, params.masked_epochs, params.seed
    )
    return fit(
        network,
        optimizer,
        Material(lengths, sentences.batch, on_point=tell),
        plan,
        (checkpoints.file("masked words"), checkpoints.every),
    )

"""The network: an encoder with mean pooling and two linear heads, one for topics and one for stance.

Pooled over the sentence's own tokens, the vector is the sentence's, whatever stands before it; attention still reads
that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class LossWeights:
    """How the two tasks share the loss; `smoothing` moves that share of each target to the other classes."""

    stance: float = 1.0
    smoothing: float = 0.0


class MultiTaskNetwork(nn.Module):
    """Topic logits (n, topics) and stance logits (n, stances) for token ids (n, length).

    `pooling` is "sentence" or "all"; they are the same for encoders that know no second segment.
    """

    def __init__(
        self, encoder: nn.Module, topics: int, stances: int, dropout: float, weights: LossWeights, pooling: str = "all"
    ):
        super().__init__()
        width: int = encoder.config.hidden_size  # type: ignore[union-attr,assignment]
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.topic_head = nn.Linear(width, topics)
        self.stance_head = nn.Linear(width, stances)
        self.weights = weights
        self.pooling = pooling

    def logits(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of both heads from the mean of the last hidden states of the tokens that are pooled."""
        states = self.encoder(**inputs).last_hidden_state
        pooled_tokens = inputs["attention_mask"]
        if self.pooling == "sentence" and "token_type_ids" in inputs:
            pooled_tokens = pooled_tokens * (inputs["token_type_ids"] == 0)
        mask = pooled_tokens.unsqueeze(-1).to(states.dtype)
        pooled = self.dropout((states * mask).sum(1) / mask.sum(1).clamp(min=1e-6))
        return self.topic_head(pooled), self.stance_head(pooled)

    def forward(
        self, topics: Tensor | None = None, stance: Tensor | None = None, weight: Tensor | None = None, **inputs: Tensor
    ) -> dict[str, Any]:
        """Logits, and the weighted mean loss when targets are given: (n, topics), (n, stances), (n,)."""
        topic_logits, stance_logits = self.logits(**inputs)
        outputs: dict[str, Any] = {"topic_logits": topic_logits, "stance_logits": stance_logits}
        if topics is not None and stance is not None and weight is not None:
            smooth = self.weights.smoothing
            soft = topics * (1 - smooth) + smooth / 2
            topic_loss = functional.binary_cross_entropy_with_logits(topic_logits, soft, reduction="none").sum(1)
            stance_loss = functional.cross_entropy(stance_logits, stance, reduction="none", label_smoothing=smooth)
            loss = topic_loss + self.weights.stance * stance_loss
            outputs = {"loss": (loss * weight).sum() / weight.sum().clamp(min=1e-6), **outputs}
        return outputs

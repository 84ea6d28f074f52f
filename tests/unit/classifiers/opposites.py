"""Sentences whose labels say the contrary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.schemas import LabelledSentence


def opposite(rows: Sequence[LabelledSentence], weight: float = 1.0) -> list[LabelledSentence]:
    """The same sentences with the labels turned round."""
    return [
        replace(
            row,
            topics={topic: 1 - share for topic, share in row.topics.items()},
            stance=dict(zip(row.stance, np.roll(list(row.stance.values()), 1).tolist(), strict=True)),
            weight=weight,
        )
        for row in rows
    ]

"""Batches of like length: little is wasted on padding."""

from __future__ import annotations

from collections.abc import Sequence

BATCH_TOKENS = 4096


def batches_by_length(lengths: Sequence[int], tokens: int = BATCH_TOKENS) -> list[list[int]]:
    """Indices in batches of like length, each of at most `tokens` tokens with padding (or one sentence)."""
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if not batches or (len(batches[-1]) + 1) * lengths[index] > tokens:
            batches.append([])
        batches[-1].append(index)
    return batches

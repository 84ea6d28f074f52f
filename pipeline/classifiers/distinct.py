"""Equal items, so that each is scored once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray


def distinct(keys: Sequence[Hashable]) -> tuple[list[int], NDArray[np.intp]]:
    """Where each key stands first, and for every key which of these it equals.

    >>> distinct("abca")
    ([0, 1, 2], array([0, 1, 2, 0]))
    """
    places: dict[Hashable, int] = {}
    inverse = np.array([places.setdefault(key, len(places)) for key in keys], dtype=np.intp)
    first: list[int] = np.unique(inverse, return_index=True)[1].tolist()
    return first, inverse

"""Near-duplicate texts, found with MinHash and locality-sensitive hashing (Broder, 1997)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from datasketch import MinHash, MinHashLSH

_PERMUTATIONS = 128
_WORD = re.compile(r"\w+")


def normalise(text: str) -> str:
    """Lower-case words with single spaces: what counts when texts are compared."""
    return " ".join(_WORD.findall(text.lower()))


def shingles(text: str, size: int = 5) -> set[str]:
    """All runs of `size` words; a shorter text is one shingle."""
    words = normalise(text).split()
    return {" ".join(words[i : i + size]) for i in range(max(1, len(words) - size + 1))}


def near_duplicates(texts: Mapping[str, str], threshold: float, size: int = 5) -> list[tuple[str, str]]:
    """Pairs of ids whose texts share at least `threshold` (Jaccard, exact) of their shingles.

    MinHash only proposes candidates; each is then compared in full, so that no pair reported is a false one.
    """
    sets = {id_: shingles(text, size) for id_, text in texts.items()}
    index = MinHashLSH(threshold=max(0.1, threshold - 0.1), num_perm=_PERMUTATIONS)
    pairs: list[tuple[str, str]] = []
    for id_, own in sets.items():
        signature = MinHash(num_perm=_PERMUTATIONS, seed=1)
        signature.update_batch([shingle.encode() for shingle in own])
        pairs += [(other, id_) for other in sorted(index.query(signature)) if _jaccard(own, sets[other]) >= threshold]
        index.insert(id_, signature)
    return pairs


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


def groups(ids: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Connected components of the pairs; an id in no pair is a group of its own. Order follows `ids`."""
    leader = {id_: id_ for id_ in ids}

    def find(id_: str) -> str:
        while leader[id_] != id_:
            id_ = leader[id_]
        return id_

    for one, other in pairs:
        leader[find(other)] = find(one)
    members: dict[str, list[str]] = {}
    for id_ in ids:
        members.setdefault(find(id_), []).append(id_)
    return list(members.values())

"""Character n-grams within words, counted word by word: a word that was seen before is not cut again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

_MOST = 200_000  # words remembered


class WordNgrams:
    """What a fitted `char_wb` vectorizer makes of texts, to the last bit, in a fraction of its time.

    Its n-grams never cross the border of a word, so that a text's are those of its words together.
    """

    def __init__(self, vectorizer: TfidfVectorizer):
        self._vectorizer = vectorizer
        self._analyse = vectorizer.build_analyzer()
        self._columns: dict[str, list[int]] = {}

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        """The TF-IDF matrix (n, n-grams)."""
        if len(self._columns) > _MOST:
            self._columns.clear()
        columns: list[int] = []
        ends = [0]
        for text in texts:
            for word in text.split():
                known = self._columns.get(word)
                columns += self._cut(word) if known is None else known
            ends.append(len(columns))
        ones = np.ones(len(columns), dtype=self._vectorizer.dtype)
        shape = (len(texts), len(self._vectorizer.vocabulary_))
        counts = csr_matrix((ones, np.array(columns, dtype=np.int32), np.array(ends)), shape=shape)
        counts.sum_duplicates()
        return self._vectorizer._tfidf.transform(counts, copy=False)

    def _cut(self, word: str) -> list[int]:
        vocabulary = self._vectorizer.vocabulary_
        found = [vocabulary[gram] for gram in self._analyse(word) if gram in vocabulary]
        self._columns[word] = found
        return found

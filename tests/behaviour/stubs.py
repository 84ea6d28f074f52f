"""Classifiers that are bad on purpose: each must fall through the suite where it is bad."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from pipeline.classifiers.decision import Decision, Matrix, Readable

TOPICS, STANCES = ("agriculture", "energy", "defence", "technology"), ("favor", "neutral", "against")
_GOOD = r"agree|sign|welcom|prais|progress|trust|lift|lower|benefit|approv|conclud|success|together|commit|optimis"
_BAD = r"refus|reject|block|impos|threat|collaps|suspend|sanction|dispute|quarrel|accus|postpon|cancel|stall"


class Stub:
    """Says the stance that `stance` gives for a text, and never a topic."""

    name = "stub"
    sha256 = ""
    decision = Decision(TOPICS, STANCES, dict.fromkeys(TOPICS, 0.5))

    def __init__(self, stance: Callable[[str], str]):
        self.stance = stance

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        said = [STANCES.index(self.stance(s.text)) for s in sentences]
        return np.zeros((len(said), len(TOPICS))), np.eye(len(STANCES))[said]


def neutral(text: str) -> str:
    """Always the commonest stance."""
    return "neutral"


def lexicon(text: str) -> str:
    """Counts good and bad words, and is deaf to negation and to "but"."""
    good, bad = (len(re.findall(rf"\b(?:{words})", text, re.IGNORECASE)) for words in (_GOOD, _BAD))
    return "favor" if good > bad else "against" if bad > good else "neutral"


def partisan(text: str) -> str:
    """Goes by names, months and numbers, as a model does that learned its corpus by heart."""
    return STANCES[sum(map(ord, "".join(re.findall(r"\b[A-Z]\w+|\d", text)))) % 3]

"""The cascade: the baseline answers the sentences on which it is sure, the encoder the rest (Viola and Jones, 2001)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score

from pipeline.classifiers.decision import Classifier, Decided, Decision, Matrix, Readable, fit_decision, targets
from pipeline.schemas import LabelledSentence
from pipeline.storage import seal, write_json
from pipeline.taxonomy import Taxonomy

KIND = "cascade"
FILE = "cascade.json"


class Cascade:
    """A quick classifier before a careful one; the scores of both are calibrated, so that they can be mixed."""

    name = KIND

    def __init__(self, parts: tuple[Classifier, Classifier], limit: float, decision: Decision, sha256: str = ""):
        self.quick, self.careful = parts
        self.limit = limit
        self.decision = decision
        self.sha256 = sha256

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        """Topic probabilities (n, topics) and stance probabilities (n, stances)."""
        first = self.quick.decision.decide(*self.quick.predict_proba(sentences))
        topics, stances = first.topic_scores.copy(), first.stance_scores.copy()
        unsure = np.flatnonzero(first.confidence < self.limit)
        if len(unsure):
            raw = self.careful.predict_proba([sentences[row] for row in unsure.tolist()])
            second = self.careful.decision.decide(*raw)
            topics[unsure], stances[unsure] = second.topic_scores, second.stance_scores
        return topics, stances


def fit(
    parts: tuple[Classifier, Classifier], rows: Sequence[LabelledSentence], taxonomy: Taxonomy, max_drop: float
) -> tuple[Cascade, dict[str, float]]:
    """A cascade that loses at most `max_drop` of macro-F1 on validation, of topics and of stance; and its figures.

    The limit is the lowest that keeps this, so that the quick part answers as many sentences as may be. The
    figures are macro-F1 of the careful part alone and of the cascade, and the share that the quick part answers.
    """
    first, second = (part.decision.decide(*part.predict_proba(rows)) for part in parts)
    goal = _macro_f1(parts[1].decision, second, rows, taxonomy)
    best: tuple[Cascade, dict[str, float]] | None = None
    quantiles = np.quantile(first.confidence, np.linspace(0, 1, 101))
    for limit in [*(np.floor(quantiles * 1e4) / 1e4).tolist(), 1.01]:
        sure = first.confidence >= limit
        topics = np.where(sure[:, None], first.topic_scores, second.topic_scores)
        stances = np.where(sure[:, None], first.stance_scores, second.stance_scores)
        decision = fit_decision(topics, stances, rows, taxonomy)
        reached = _macro_f1(decision, decision.decide(topics, stances), rows, taxonomy)
        best = Cascade(parts, limit, decision), _figures(goal, reached, float(sure.mean()))
        if all(had - has <= max_drop for had, has in zip(goal, reached, strict=True)):
            break
    assert best is not None  # the last limit hands everything to the careful part
    return best


def _macro_f1(
    decision: Decision, said: Decided, rows: Sequence[LabelledSentence], taxonomy: Taxonomy
) -> tuple[float, float]:
    topics, stances = targets(rows, taxonomy)
    return (
        float(f1_score(topics >= 0.5, said.topics, average="macro", zero_division=0)),
        float(f1_score(stances.argmax(axis=1), said.stance, average="macro", zero_division=0)),
    )


def _figures(goal: tuple[float, float], reached: tuple[float, float], share: float) -> dict[str, float]:
    return {
        "encoder.topics.macro_f1": round(goal[0], 4),
        "encoder.stance.macro_f1": round(goal[1], 4),
        "topics.macro_f1": round(reached[0], 4),
        "stance.macro_f1": round(reached[1], 4),
        "share_of_baseline": round(share, 4),
    }


def save(model: Cascade, names: tuple[str, str], figures: dict[str, float], folder: Path) -> str:
    """Write limit, decision and the names and hashes of both parts into an empty folder; returns its hash.

    The parts stay where they are: `models/NAME/model` beside the cascade's own.
    """
    hashes = (model.quick.sha256, model.careful.sha256)
    parts = [{"name": name, "sha256": sha256} for name, sha256 in zip(names, hashes, strict=True)]
    write_json(folder / FILE, {"limit": model.limit, "parts": parts, "validation": figures})
    write_json(folder / "decision.json", model.decision.as_json())
    return seal(folder, KIND)

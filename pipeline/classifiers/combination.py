"""Two classifiers as one: the ensemble averages a quick and a careful one, the cascade asks the careful one less often.

Averaging pays because the two err in different places (Dietterich, 2000). In the cascade the quick one answers alone
where it is sure (Viola and Jones, 2001).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pipeline.classifiers.decision import (
    Classifier,
    Decided,
    Decision,
    Matrix,
    Readable,
    fit_decision,
    macro_f1,
    middle_of_best,
    targets,
)
from pipeline.schemas import LabelledSentence
from pipeline.storage import seal, write_json
from pipeline.taxonomy import Taxonomy

ENSEMBLE, CASCADE = "ensemble", "cascade"  # kinds of model
FILE, PARTS = "combination.json", "parts"
NEVER = 1.01  # a limit that no confidence reaches
_SHARES = np.linspace(0, 0.6, 13)
Scores = tuple[Matrix, Matrix]
Figures = dict[str, float]


@dataclass(frozen=True)
class Mix:
    """How two classifiers are combined.

    `topics` and `stance` are the quick one's shares of the mean of both; `limit` is the confidence from which it
    answers alone.
    """

    topics: float
    stance: float
    limit: float = NEVER

    def of(self, quick: Scores, careful: Scores) -> Scores:
        """The mean of calibrated scores: topics (n, topics) and stances (n, stances)."""
        return (
            self.topics * quick[0] + (1 - self.topics) * careful[0],
            self.stance * quick[1] + (1 - self.stance) * careful[1],
        )


class Combined:
    """A quick classifier beside a careful one; the scores of both are calibrated, so that they can be mixed."""

    def __init__(self, parts: tuple[Classifier, Classifier], mix: Mix, decision: Decision, sha256: str = ""):
        self.quick, self.careful = parts
        self.mix = mix
        self.decision = decision
        self.sha256 = sha256
        self.name = CASCADE if mix.limit < NEVER else ENSEMBLE

    def predict_proba(self, sentences: Sequence[Readable]) -> Scores:
        """Topic probabilities (n, topics) and stance probabilities (n, stances)."""
        first = _decided(self.quick, sentences)
        topics, stances = (scores.copy() for scores in _scores(first))
        unsure = np.flatnonzero(first.confidence < self.mix.limit)
        if len(unsure):
            second = _scores(_decided(self.careful, [sentences[row] for row in unsure.tolist()]))
            topics[unsure], stances[unsure] = self.mix.of((topics[unsure], stances[unsure]), second)
        return topics, stances


def _decided(part: Classifier, sentences: Sequence[Readable]) -> Decided:
    return part.decision.decide(*part.predict_proba(sentences))


def _scores(said: Decided) -> Scores:
    return said.topic_scores, said.stance_scores


def fit(
    parts: tuple[Classifier, Classifier], rows: Sequence[LabelledSentence], taxonomy: Taxonomy, max_drop: float
) -> tuple[tuple[Combined, Figures], tuple[Combined, Figures]]:
    """The ensemble and the cascade, each with its figures on validation.

    The ensemble has the shares with the best macro-F1. The cascade mixes alike; its limit is the lowest at which it
    loses at most `max_drop` of macro-F1, of topics and of stance, against the careful part alone; where it loses more
    at all of them, the cascade is the ensemble.
    """
    first, second = (_decided(part, rows) for part in parts)
    goal = macro_f1(targets(rows, taxonomy), second.topics, second.stance)
    tried = [_tried(Mix(share, share), first, second, rows, taxonomy)[1] for share in _SHARES.round(2).tolist()]
    mix = Mix(*(round(middle_of_best(_SHARES, scores), 3) for scores in np.array(tried).T))
    decision, reached = _tried(mix, first, second, rows, taxonomy)
    ensemble = Combined(parts, mix, decision), _figures(goal, reached, 0.0)
    for limit in [0.0, *np.quantile(first.confidence, np.linspace(0, 1, 101)).round(4).tolist(), 1.0]:
        mix = Mix(mix.topics, mix.stance, limit)
        decision, reached = _tried(mix, first, second, rows, taxonomy)
        if all(had - has <= max_drop for had, has in zip(goal, reached, strict=True)):
            break
    share = float((first.confidence >= mix.limit).mean())
    return ensemble, (Combined(parts, mix, decision), _figures(goal, reached, share))


def _tried(
    mix: Mix, first: Decided, second: Decided, rows: Sequence[LabelledSentence], taxonomy: Taxonomy
) -> tuple[Decision, tuple[float, float]]:
    sure = (first.confidence >= mix.limit)[:, None]
    topics, stances = mix.of(_scores(first), _scores(second))
    topics, stances = np.where(sure, first.topic_scores, topics), np.where(sure, first.stance_scores, stances)
    decision = fit_decision(topics, stances, rows, taxonomy)
    said = decision.decide(topics, stances)
    return decision, macro_f1(targets(rows, taxonomy), said.topics, said.stance)


def _figures(goal: tuple[float, float], reached: tuple[float, float], share: float) -> Figures:
    return {
        "encoder.topics.macro_f1": round(goal[0], 4),
        "encoder.stance.macro_f1": round(goal[1], 4),
        "topics.macro_f1": round(reached[0], 4),
        "stance.macro_f1": round(reached[1], 4),
        "share_of_baseline": round(share, 4),
    }


def save(model: Combined, sources: Sequence[Path], figures: Figures, folder: Path) -> str:
    """Write mix, decision and copies of both parts' folders into an empty folder; returns the model's hash.

    With its parts in it the folder is all that a model registry or another machine needs.
    """
    hashes = (model.quick.sha256, model.careful.sha256)
    names = [source.parent.name for source in sources]
    for name, source in zip(names, sources, strict=True):
        shutil.copytree(source, folder / PARTS / name)
    parts = [{"name": name, "sha256": sha256} for name, sha256 in zip(names, hashes, strict=True)]
    write_json(folder / FILE, {"mix": asdict(model.mix), "parts": parts, "validation": figures})
    write_json(folder / "decision.json", model.decision.as_json())
    return seal(folder, model.name)

"""Which label model is believed: the one that does best on validation annotations, or majority vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from pipeline.labeling.functions import ABSTAIN, STANCE, Ballot
from pipeline.labeling.label_models import MODELS, Known, LabelModel, Probabilities
from pipeline.schemas import Annotation, Sentence
from pipeline.taxonomy import Taxonomy

FALLBACK = "majority"
AUTO = "auto"


@dataclass(frozen=True)
class Verdict:
    """Topic probabilities (n, topics) and stance probabilities (n, stances), and how the label model was chosen.

    `choices` has for topics and for stance the model `chosen`, the `scores` of all that were tried, and `why`.
    """

    topics: Probabilities
    stances: Probabilities
    choices: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Bench:
    """The sentences voted on, with the annotations that may teach a label model and those that judge it."""

    sentences: Sequence[Sentence]
    taught: Mapping[str, Annotation]
    judging: Mapping[str, Annotation]


def decide(ballot: Ballot, bench: Bench, wanted: str, taxonomy: Taxonomy) -> Verdict:
    """Aggregate the votes by the label model `wanted`, or by the best one for topics and for stance if it is "auto".

    The score is macro-F1 on the judging annotations; another model than majority vote must beat it.
    """
    rows = np.array([i for i, s in enumerate(bench.sentences) if s.id in bench.judging], dtype=int)
    judges = [bench.judging[bench.sentences[row].id] for row in rows]
    truth = np.array([[t in a.topics for t in taxonomy.topic_ids] for a in judges], dtype=bool)
    stances = np.array([taxonomy.stance_ids.index(a.stance) for a in judges], dtype=int)
    names = list(MODELS) if wanted == AUTO else [wanted]
    by_topic = {name: _topics(MODELS[name], ballot, bench, taxonomy) for name in names}
    by_stance = {name: _stances(MODELS[name], ballot, bench, taxonomy) for name in names}
    topics = _choose({n: _macro_f1(truth, p[rows] >= 0.5) if len(rows) else 0.0 for n, p in by_topic.items()}, wanted)
    stance = _choose(
        {n: _macro_f1(stances, p[rows].argmax(axis=1)) if len(rows) else 0.0 for n, p in by_stance.items()}, wanted
    )
    return Verdict(by_topic[topics["chosen"]], by_stance[stance["chosen"]], {"topics": topics, "stance": stance})


def _topics(model: LabelModel, ballot: Ballot, bench: Bench, taxonomy: Taxonomy) -> Probabilities:
    columns = [
        model(ballot.of(topic), 2, 0, _known(bench, lambda a, t=topic: int(t in a.topics)))[:, 1]
        for topic in taxonomy.topic_ids
    ]
    return np.stack(columns, axis=1)


def _stances(model: LabelModel, ballot: Ballot, bench: Bench, taxonomy: Taxonomy) -> Probabilities:
    default = taxonomy.stance_ids.index(taxonomy.default_stance)
    known = _known(bench, lambda a: taxonomy.stance_ids.index(a.stance))
    return model(ballot.of(STANCE), len(taxonomy.stance_ids), default, known)


def _known(bench: Bench, label: Any) -> Known:
    return np.array(
        [label(bench.taught[s.id]) if s.id in bench.taught else ABSTAIN for s in bench.sentences], dtype=np.int8
    )


def _macro_f1(truth: NDArray[Any], said: NDArray[Any]) -> float:
    return round(float(f1_score(truth, said, average="macro", zero_division=0)), 4)


def _choose(scores: dict[str, float], wanted: str) -> dict[str, Any]:
    if wanted != AUTO:
        return {"chosen": wanted, "scores": scores, "why": "set by label.label_model"}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] > scores[FALLBACK]:
        return {"chosen": best, "scores": scores, "why": "best on validation annotations"}
    return {"chosen": FALLBACK, "scores": scores, "why": "nothing beat majority vote on validation annotations"}


def explain(name: str, verdict: Verdict) -> str:
    """The choice in a line, for the log."""
    parts = [
        f"{task} by {choice['chosen']} ({choice['why']}: {_listed(choice['scores'])})"
        for task, choice in verdict.choices.items()
    ]
    return f"label model, {name}: " + "; ".join(parts)


def _listed(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {score:.3f}" for name, score in scores.items())

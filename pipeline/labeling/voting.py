"""From sentences, cues and annotations to labels: the votes of all labeling functions and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.encoding.encoder import resolve_encoder
from pipeline.labeling.analysis import function_table
from pipeline.labeling.cues import CueSet
from pipeline.labeling.decision import Bench, Verdict, decide
from pipeline.labeling.functions import Ballot, cue_ballot, join
from pipeline.labeling.learned import LearnedCue, Lesson, learned_ballot
from pipeline.labeling.prototypes import prototype_ballot
from pipeline.labeling.supervision import cue_quality, from_votes, labelled
from pipeline.params import LabelParams
from pipeline.schemas import Annotation, LabelledSentence, Sentence
from pipeline.taxonomy import Taxonomy

CUES, WITH_ANNOTATIONS = "cues", "with_annotations"


@dataclass(frozen=True)
class Labelling:
    """What `label` makes of train and validation sentences.

    `labels` by split, headline `figures`, `functions` (a row for each labeling function), the `learned` cues, and
    the `verdicts` of the label models on cues alone and on cues with the train annotations.
    """

    labels: dict[str, list[LabelledSentence]]
    figures: dict[str, Any]
    functions: list[dict[str, Any]]
    learned: list[LearnedCue]
    verdicts: dict[str, Verdict]


def label(
    by_split: Mapping[str, Sequence[Sentence]],
    annotations: Mapping[str, Annotation],
    seeds: Ballot,
    params: LabelParams,
    taxonomy: Taxonomy,
) -> Labelling:
    """Label the train and validation sentences of `by_split`, on which `seeds` has the votes of `seed_ballot`.

    Cues alone (with prototypes) vote without any train annotation; with annotations, cues learned from them vote
    too and they teach the label model. Validation annotations only choose the label model and judge.
    """
    train, validation = by_split["train"], by_split["validation"]
    pool = [*train, *validation]
    taught = {s.id: annotations[s.id] for s in train if s.id in annotations}
    judging = {s.id: annotations[s.id] for s in validation if s.id in annotations}
    lesson = Lesson(params.learned_cues, *params.learned_precision)
    learned, cues = learned_ballot(pool, taught, lesson, taxonomy)
    both = join([seeds, learned])
    verdicts = {
        CUES: decide(seeds, Bench(pool, {}, judging), params.label_model, taxonomy),
        WITH_ANNOTATIONS: decide(both, Bench(pool, taught, judging), params.label_model, taxonomy),
    }
    used = verdicts[CUES if params.supervision == "cues" else WITH_ANNOTATIONS]
    parts = {"train": slice(0, len(train)), "validation": slice(len(train), None)}
    return Labelling(
        {
            name: labelled(
                pool[part],
                annotations,
                (used.topics[part], used.stances[part]),
                params,
                taxonomy,
                judged=name == "validation",
            )
            for name, part in parts.items()
        },
        _figures(pool, parts, verdicts, annotations, taxonomy),
        function_table(Ballot(both.functions, both.votes[parts["validation"]]), validation, judging, taxonomy),
        cues,
        verdicts,
    )


def seed_ballot(
    by_split: Mapping[str, Sequence[Sentence]], sets: Sequence[CueSet], params: LabelParams, taxonomy: Taxonomy
) -> Ballot:
    """Votes on train, then validation sentences, of phrases, patterns, headings and, given an encoder, prototypes."""
    sentences = [*by_split["train"], *by_split["validation"]]
    ballots = [cue_ballot(sentences, sets, taxonomy)]
    if params.encoder is not None and any(cues.prototypes for cues in sets):
        encoder = resolve_encoder(params.encoder, params.revision, "label")
        ballots.append(prototype_ballot(sentences, sets, encoder, params.similarity, taxonomy))
    return join(ballots)


def _figures(
    pool: Sequence[Sentence],
    parts: Mapping[str, slice],
    verdicts: Mapping[str, Verdict],
    annotations: Mapping[str, Annotation],
    taxonomy: Taxonomy,
) -> dict[str, Any]:
    """Quality of the labels by split; of those with annotations on validation alone, for train taught them."""
    figures: dict[str, Any] = {}
    for name, verdict in verdicts.items():
        splits = ("train", "validation") if name == CUES else ("validation",)
        figures[name] = {"label_model": verdict.choices}
        for split in splits:
            part = parts[split]
            rows = from_votes(pool[part], (verdict.topics[part], verdict.stances[part]), taxonomy)
            figures[name][split] = cue_quality(rows, annotations, taxonomy)
    return figures

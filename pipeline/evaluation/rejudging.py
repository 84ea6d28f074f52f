"""A stored model set before the test sentences of today."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.classifiers.registry import load_classifier
from pipeline.errors import UserError
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import Judged
from pipeline.schemas import LabelledSentence
from pipeline.storage import read_jsonl
from pipeline.taxonomy import Taxonomy


def rejudge(folder: Path, test: Path, taxonomy: Taxonomy) -> Sequence[Judged]:
    """Predictions of the model in `folder` on the labelled sentences of `test`.

    Raises:
        UserError: when the model cannot be loaded by this version, or knows other classes.
    """
    classifier = load_classifier(folder)
    known = (set(classifier.decision.topics), set(classifier.decision.stances))
    if known != (set(taxonomy.topic_ids), set(taxonomy.stance_ids)):
        raise UserError.one("knows other topics or stances", classifier.name, "use --force to replace it")
    return judge(classifier, read_jsonl(test, LabelledSentence))

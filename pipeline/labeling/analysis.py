"""What each labeling function does: how much it covers, how it gets on with the others, how often it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pipeline.labeling.functions import ABSTAIN, STANCE, Ballot, LabelingFunction
from pipeline.schemas import Annotation, Sentence
from pipeline.taxonomy import Taxonomy


def function_table(
    ballot: Ballot, sentences: Sequence[Sentence], annotations: Mapping[str, Annotation], taxonomy: Taxonomy
) -> list[dict[str, Any]]:
    """One row for each labeling function, in the terms of Snorkel's LFAnalysis.

    Shares of sentences: `coverage` it votes on, `overlap` another function of its task votes on as well, `conflict`
    another one votes differently on. `accuracy` is the share of its `judged` votes that annotations bear out ("" if
    there are none).
    """
    rows = []
    for index, function in enumerate(ballot.functions):
        own = ballot.votes[:, index]
        others = ballot.votes[:, [i for i, f in enumerate(ballot.functions) if f.task == function.task and i != index]]
        cast = own != ABSTAIN
        also = (others != ABSTAIN).any(axis=1)
        against = ((others != ABSTAIN) & (others != own[:, None])).any(axis=1)
        judged = [
            own[i] == _truth(function, annotations[sentences[i].id], taxonomy)
            for i in np.flatnonzero(cast).tolist()
            if sentences[i].id in annotations
        ]
        rows.append(
            {
                "function": function.name,
                "class": function.class_id,
                "kind": function.kind,
                "coverage": _share(cast),
                "overlap": _share(cast & also),
                "conflict": _share(cast & against),
                "judged": len(judged),
                "accuracy": _share(np.array(judged)) if judged else "",
            }
        )
    return rows


def _truth(function: LabelingFunction, annotation: Annotation, taxonomy: Taxonomy) -> int:
    if function.task == STANCE:
        return taxonomy.stance_ids.index(annotation.stance)
    return int(function.task in annotation.topics)


def _share(hits: Any) -> float:
    return round(float(np.mean(hits)), 4) if len(hits) else 0.0


def function_figure(rows: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Coverage, conflict and accuracy of each labeling function as bars."""
    figure = Figure(figsize=(9, 1.5 + 0.32 * max(1, len(rows))), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(rows))
    left.barh(places, [r["coverage"] for r in rows], color="#9ecae1", label="coverage")
    left.barh(places, [r["overlap"] for r in rows], color="#4292c6", height=0.5, label="of it, overlap")
    left.barh(places, [r["conflict"] for r in rows], color="#cb181d", height=0.25, label="of it, conflict")
    left.set_xlabel("share of sentences")
    left.set_yticks(places, [r["function"] for r in rows])
    left.invert_yaxis()
    left.legend(fontsize="small")
    right.barh(places, [r["accuracy"] or 0.0 for r in rows], color="#74c476")
    for place, row in zip(places, rows, strict=True):
        told = f"{row['accuracy']:.2f} of {row['judged']}" if row["judged"] else "not judged"
        right.text(0.02, place, told, va="center", fontsize="small")
    right.set_xlim(0, 1)
    right.set_xlabel("accuracy on annotations")
    figure.suptitle(title)
    return figure

"""How well two annotation passes agree: Krippendorff's alpha and plain agreement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from crowdkit.metrics.data import alpha_krippendorff

from pipeline.labeling.annotations import same
from pipeline.schemas import Annotation
from pipeline.taxonomy import Taxonomy


def agreement(first: Mapping[str, Annotation], second: Mapping[str, Annotation], taxonomy: Taxonomy) -> dict[str, Any]:
    """Krippendorff's alpha by topic (present or absent) and for stance, over the sentences both passes saw.

    Passes made with one language model agree more than people would: this measures consistency under the codebook.
    """
    shared = sorted(set(first) & set(second))
    figures: dict[str, Any] = {"sentences": len(shared)}
    if not shared:
        return figures
    figures["identical"] = sum(same(first[i], second[i]) for i in shared) / len(shared)
    figures["alpha"] = {
        topic: _alpha({i: (topic in first[i].topics, topic in second[i].topics) for i in shared})
        for topic in taxonomy.topic_ids
    } | {"stance": _alpha({i: (first[i].stance, second[i].stance) for i in shared})}
    return figures


def _alpha(pairs: Mapping[str, tuple[object, object]]) -> float:
    if len({label for pair in pairs.values() for label in pair}) < 2:
        return 1.0  # nothing to disagree on; the ratio is undefined
    rows = [(id_, worker, str(label)) for id_, pair in pairs.items() for worker, label in enumerate(pair)]
    return float(alpha_krippendorff(pd.DataFrame(rows, columns=["task", "worker", "label"])))

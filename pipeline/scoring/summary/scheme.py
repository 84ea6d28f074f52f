"""Which topics and stances a scored file has, what they are called, and which stances are the two ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import UserError
from pipeline.taxonomy import load_taxonomy

TAXONOMY = Path("seeds/taxonomy.yaml")


@dataclass(frozen=True)
class Scheme:
    """Ids in the order of columns, labels for people, and the stances that count as plus and as minus."""

    topics: tuple[str, ...]
    stances: tuple[str, ...]
    favor: str
    against: str
    target: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def label(self, name: str) -> str:
        """What people call a topic or stance.

        >>> Scheme(("farm_trade",), ("yes", "no"), "yes", "no").label("farm_trade")
        'Farm trade'
        """
        return self.labels.get(name) or name.replace("_", " ").capitalize()

    def sign(self, stance: str) -> str:
        """▲ for the stance that counts as plus, ▼ for minus, ■ for the rest."""
        return {self.favor: "▲", self.against: "▼"}.get(stance, "■")


def scheme_of(topics: tuple[str, ...], stances: tuple[str, ...], taxonomy: Path | None = None) -> Scheme:
    """The scheme of scored columns: the first stance counts as plus, the last as minus, as in a taxonomy file.

    `taxonomy`, or `seeds/taxonomy.yaml` where there is one, gives labels, target and the default stance, which is
    never an end. The project's own file is left aside when it is broken or has other stances; a named one must fit.

    Raises:
        UserError: when there are fewer than two stances, or a named taxonomy is broken or has other stances.
    """
    if len(stances) < 2:
        raise UserError.one(f"stances {list(stances)}", "scored rows", "score with a model of at least two stances")
    path = taxonomy or TAXONOMY
    if taxonomy is None and not path.is_file():
        return Scheme(topics, stances, stances[0], stances[-1])
    try:
        known = load_taxonomy(path)
    except UserError:
        if taxonomy is not None:
            raise
        return Scheme(topics, stances, stances[0], stances[-1])
    if set(known.stance_ids) != set(stances):
        if taxonomy is None:
            return Scheme(topics, stances, stances[0], stances[-1])
        told = f"stances {', '.join(known.stance_ids)} are not those scored ({', '.join(stances)})"
        raise UserError.one(told, path, "name the taxonomy that the model was trained with, or none")
    ends = [stance for stance in known.stance_ids if stance != known.default_stance]
    favor, against = (ends[0], ends[-1]) if len(ends) > 1 else (known.stance_ids[0], known.stance_ids[-1])
    labels = {entry.id: entry.label for entry in (*known.topics, *known.stances)}
    return Scheme(topics, known.stance_ids, favor, against, known.target, labels)

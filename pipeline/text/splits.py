"""Train, validation and test: by article, near-duplicates together, stable when articles are added."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from pipeline.errors import Problem, raise_if_any
from pipeline.params import SplitParams
from pipeline.schemas import Article, Assignment
from pipeline.text.deduplication import groups, near_duplicates


def assign(
    articles: Sequence[Article], params: SplitParams, annotated: Collection[str] | None = None
) -> list[Assignment]:
    """Give each article its split, in the order of `articles`.

    A group's split follows from a hash of its earliest article (by date, then id), so that adding
    articles moves no other one, save a near-duplicate of something older. A group with an article of a
    held-out genre or pair goes to test whole. `annotated` are the ids of articles with an annotation: where
    `unannotated` is "train", a group without any is of train, since nothing can be measured on it, and the
    earliest annotated article leads a group with some. Without annotations at all every article is drawn.

    Raises:
        UserError: when a held-out genre or pair is that of no article.
    """
    _check_held_out(articles, params)
    by_id = {article.id: article for article in articles}
    measured = set(annotated or ()) if params.unannotated == "train" else set()
    pairs = near_duplicates({a.id: a.text for a in articles}, params.near_duplicate)
    chosen: dict[str, Assignment] = {}
    for group in groups(list(by_id), pairs):
        leading = [id_ for id_ in group if id_ in measured] or group
        earliest = min(leading, key=lambda id_: (by_id[id_].date or "9999", id_))
        held_out = any(
            by_id[id_].genre in params.held_out_genres or by_id[id_].pair in params.held_out_pairs for id_ in group
        )
        if held_out:
            split = "test"
        elif measured and earliest not in measured:
            split = "train"
        else:
            split = _draw(earliest, params)
        chosen |= {id_: Assignment(id_, split, earliest) for id_ in group}
    return [chosen[article.id] for article in articles]


def _draw(id_: str, params: SplitParams) -> str:
    digest = hashlib.sha256(f"{params.salt}\0{id_}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    if share < params.test:
        return "test"
    return "validation" if share < params.test + params.validation else "train"


def _check_held_out(articles: Sequence[Article], params: SplitParams) -> None:
    genres, pairs = {a.genre for a in articles}, {a.pair for a in articles}
    raise_if_any(
        Problem(
            f"no article has {key} {value!r}", f"params.yaml: split.held_out_{key}s", "mend its spelling or drop it"
        )
        for key, wanted, present in (("genre", params.held_out_genres, genres), ("pair", params.held_out_pairs, pairs))
        for value in wanted
        if value not in present
    )

"""Splits: by article, near-duplicates together, stable when articles are added."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.params import SplitParams
from pipeline.schemas import Article
from pipeline.text.deduplication import groups, near_duplicates
from pipeline.text.splits import assign

PARAMS = SplitParams(salt="x", validation=0.2, test=0.2, near_duplicate=0.5, held_out_genres=(), held_out_pairs=())
WORDS = [f"word{i}" for i in range(500)]


def article(number: int, **other: str) -> Article:
    text = " ".join(random.Random(number).choices(WORDS, k=60))
    return Article(f"a{number}", other.pop("text", text), date=f"2020-01-{number % 28 + 1:02d}", **other)


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 400), min_size=2, max_size=40), st.integers(1, 39))
def test_adding_articles_moves_none(numbers: set[int], kept: int) -> None:
    ordered = sorted(numbers)
    few = {a.article_id: a.split for a in assign([article(n) for n in ordered[:kept]], PARAMS)}
    many = {a.article_id: a.split for a in assign([article(n) for n in ordered], PARAMS)}
    assert few.items() <= many.items()


def test_shares_are_about_those_wanted() -> None:
    splits = [a.split for a in assign([article(n) for n in range(600)], PARAMS)]
    assert 0.15 < splits.count("test") / 600 < 0.25
    assert 0.15 < splits.count("validation") / 600 < 0.25


def test_near_duplicates_share_a_split_whatever_their_order() -> None:
    originals = [article(n) for n in range(60)]
    copies = [Article(f"z{a.id}", a.text + " and a few more words", date="2021-01-01") for a in originals]
    splits = {a.article_id: a for a in assign([*copies, *originals], PARAMS)}
    for original in originals:
        assert splits[f"z{original.id}"].split == splits[original.id].split
        assert splits[f"z{original.id}"].group == original.id  # the earlier one leads
    assert len({a.split for a in splits.values()}) == 3


def test_held_out_genres_and_pairs_are_in_test_only() -> None:
    held = PARAMS.model_copy(update={"held_out_genres": ("interview",), "held_out_pairs": ("A-B",)})
    articles = [article(n, genre="interview" if n % 5 == 0 else "wire", pair="A-B" if n % 7 == 0 else "C-D")
                for n in range(70)]  # fmt: skip
    splits = {a.article_id: a.split for a in assign(articles, held)}
    for one in articles:
        if one.genre == "interview" or one.pair == "A-B":
            assert splits[one.id] == "test"


def test_a_held_out_name_of_no_article_is_told() -> None:
    held = PARAMS.model_copy(update={"held_out_genres": ("poem",), "held_out_pairs": ("X-Y",)})
    with pytest.raises(UserError) as caught:
        assign([article(1)], held)
    assert [p.where for p in caught.value.problems] == [
        "params.yaml: split.held_out_genres",
        "params.yaml: split.held_out_pairs",
    ]


def test_near_duplicates_are_found_and_others_are_not() -> None:
    base = " ".join(WORDS[:100])
    texts = {"one": base, "two": base.upper() + "!", "far": " ".join(WORDS[200:300]), "half": " ".join(WORDS[50:150])}
    assert near_duplicates(texts, 0.8) == [("one", "two")]


def test_groups_are_connected_components_in_order() -> None:
    assert groups(list("abcdef"), [("a", "b"), ("c", "b"), ("e", "f")]) == [["a", "b", "c"], ["d"], ["e", "f"]]


def test_articles_without_an_annotation_go_to_train_and_move_no_other_one() -> None:
    annotated = [article(n) for n in range(60)]
    spare = [article(n) for n in range(100, 160)]
    older = [Article(f"c{a.id}", a.text + " and a few more words", date="2001-01-01") for a in annotated[:20]]
    before = {a.article_id: a for a in assign(annotated, PARAMS)}
    after = {a.article_id: a for a in assign([*spare, *older, *annotated], PARAMS, before)}
    assert before.items() <= after.items()
    assert {after[a.id].split for a in spare} == {"train"}
    for copy, original in zip(older, annotated, strict=False):
        assert after[copy.id].split == after[original.id].split
    drawn = assign([*spare, *annotated], PARAMS.model_copy(update={"unannotated": "draw"}), before)
    assert {a.split for a in drawn if a.article_id in {s.id for s in spare}} == {"train", "validation", "test"}

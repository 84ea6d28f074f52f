"""Cues: what matches, what is excluded, what is negated, and how mistakes in the files are told."""

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.labeling.cues import CueSet, load_cues
from pipeline.labeling.matching import CueMatcher
from pipeline.taxonomy import Taxonomy

MATCHER = CueMatcher(
    [
        CueSet("energy", phrases=("crude oil", "pipeline*", "LNG"), patterns=(r"\boil\b",), excluded=("snake oil",)),
        CueSet("favor", phrases=("agreed to", "sign"), negated="against"),
    ]
)


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        ("Crude oil fell.", {"crude oil", r"\boil\b"}),
        ("The pipelines run north.", {"pipeline*"}),
        ("Cheap lng came.", {"LNG"}),
        ("He sold snake oil.", set()),
        ("A pipelayer signs.", set()),
        ("The design is new.", set()),
        ("İstanbul: crude oil", {"crude oil", r"\boil\b"}),
    ],
)
def test_whole_words_match_and_exclusions_hold(text: str, cues: set[str]) -> None:
    assert {match.cue for match in MATCHER.matches(text)} == cues


def test_offsets_point_at_the_cue() -> None:
    (match,) = MATCHER.matches("They AGREED to it.")
    assert "They AGREED to it."[match.start : match.end] == "AGREED to"


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("Delhi agreed to it.", False),
        ("Delhi has not agreed to it.", True),
        ("They will never sign it.", True),
        ("They refused to sign it.", True),
        ("They won't sign it.", True),
        ("Not everyone was there, but Delhi agreed to it.", False),
        ("It was no surprise: Delhi agreed to it.", False),
    ],
)
def test_negation_reaches_three_words_within_the_clause(text: str, negated: bool) -> None:
    assert [match.negated for match in MATCHER.matches(text)] == [negated]


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(("of", "negated"), [("good", "sport"), ("sport", "bad")])
def test_only_a_stance_is_negated_and_only_into_a_stance(
    of: str, negated: str, tmp_path: Path, two_topics: Taxonomy
) -> None:
    with pytest.raises(UserError, match=f"no stance '{negated}' of a stance"):
        load_cues(_write(tmp_path, **{of: f"phrases: [match]\nnegated: {negated}\n"}), two_topics)


def test_every_mistake_is_told_at_once(tmp_path: Path, two_topics: Taxonomy) -> None:
    folder = _write(
        tmp_path,
        sport="phrases: [match]\nphrase: [x]\n",
        good="patterns: ['(open']\nnegated: worse\n",
        bad="phrases: 3\n",
        chess="phrases: [rook]\n",
    )
    with pytest.raises(UserError) as caught:
        load_cues(folder, two_topics)
    told = str(caught.value)
    for part in (
        "unknown key 'phrase'",
        "not a regular expression",
        "no stance 'worse'",
        "not a list",
        "no class 'chess'",
        "class 'music' has no cues",
    ):
        assert part in told
    assert len(caught.value.problems) == 6


def test_the_default_stance_needs_no_cues(tmp_path: Path, two_topics: Taxonomy) -> None:
    folder = _write(tmp_path, **{c: f"phrases: [{c}]\n" for c in ("sport", "music", "good", "bad")})
    assert [cues.class_id for cues in load_cues(folder, two_topics)] == ["bad", "good", "music", "sport"]


def test_the_projects_own_cues_load(root: Path, taxonomy: Taxonomy) -> None:
    assert {c.class_id for c in load_cues(root / "seeds" / "cues", taxonomy)} >= set(taxonomy.topic_ids)

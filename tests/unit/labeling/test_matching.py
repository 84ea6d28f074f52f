"""The automaton and its filter of patterns find what trying every pattern would find, but try few."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.labeling.cues import CueSet, load_cues
from pipeline.labeling.literals import literals
from pipeline.labeling.matching import CueMatcher, Match, is_negated
from pipeline.taxonomy import Taxonomy

PATTERNS = (
    r"\b(?:will|would) not (?:sign|accept)",
    r"wind|solar",
    r"\d+ per ?cent",
    r"(?:very )?big+",
    r"a{2,3}b",
    r"[xy]z",
    r"^.{1,5}$",
    r"no(?! way)",
    r"(?P<side>left|right) wing",
    r"\bETHANOL\b",
)
WITHOUT_LITERAL = {r"a{2,3}b", r"[xy]z", r"^.{1,5}$"}
WORDS = ["will", "would", "not", "sign", "accept", "wind", "solar", "12", "per", "cent", "percent", "very", "bigg",
         "aab", "aaab", "yz", "no", "way", "left", "wing", "Ethanol", "İ", "ſolar"]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        (r"\b(?:will|would) not (?:sign|accept)", {" not "}),
        (r"\bsigned\b", {"signed"}),
        (r"wind|solar", {"wind", "solar"}),
        (r"(?:tariff)?s? of \d", {" of "}),
        (r"(?:one|\w+) x", {" x"}),
        (r"colou?r", {"colo"}),
        (r"(?:ab){2}", {"ab"}),
        (r"\w+\d", set()),
        (r"(?:wind|\d)", set()),
        (r"(?:maybe)?", set()),
        (r"no(?! way)", {"no"}),
        (r"\bSPS\b", {"sps"}),
        (r"\b(?-i:IT) \d", {"it"}),
    ],
)
def test_what_a_pattern_demands(pattern: str, wanted: set[str]) -> None:
    assert literals(pattern) == wanted


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join))
def test_the_filter_loses_no_match(text: str) -> None:
    matcher = CueMatcher([CueSet("energy", patterns=PATTERNS)])
    found = {(m.cue, m.start, m.end) for m in matcher.matches(text)}
    tried = {(p, h.start(), h.end()) for p in PATTERNS for h in re.finditer(p, text, re.IGNORECASE)}
    unlike = {(p, s, e) for p, s, e in tried if "ſ" in text[s:e]}  # `re` takes ſ for s; the cues do not
    assert tried - unlike <= found <= tried


def test_an_excluded_match_is_told_with_its_cover() -> None:
    matcher = CueMatcher([CueSet("energy", phrases=("oil",), excluded=("snake oil",))])
    kept, dropped = matcher.sorted_out("Oil, not snake oil.")
    assert [m.start for m in kept] == [0]
    assert [(m.start, cover.cue) for m, cover in dropped] == [(15, "snake oil")]


@pytest.mark.parametrize(
    ("text", "tried"),
    [
        ("Crude oil fell.", set()),
        ("No wind at all.", {"wind|solar", "no(?! way)"}),
        ("Ethanol is at 12 per cent.", {r"\bETHANOL\b", r"\d+ per ?cent", "no(?! way)"}),
    ],
)
def test_a_pattern_is_tried_only_where_a_literal_of_it_stands(
    text: str, tried: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher = CueMatcher([CueSet("energy", patterns=PATTERNS)])
    asked: list[int] = []

    def hits(index: int, _: str) -> Iterator[Match]:
        asked.append(index)
        yield from ()

    monkeypatch.setattr(matcher, "_hits", hits)
    matcher.matches(text)
    assert sorted(PATTERNS[index] for index in asked) == sorted(tried | WITHOUT_LITERAL)


@pytest.fixture(scope="module")
def own(root: Path, taxonomy: Taxonomy) -> CueMatcher:
    """The matcher of the project's own cues."""
    return CueMatcher(load_cues(root / "seeds" / "cues", taxonomy))


def test_few_of_the_projects_own_patterns_are_tried_on_every_text(own: CueMatcher) -> None:
    assert len(own._always) <= len(own._patterns) / 20


@pytest.mark.parametrize("space", ["\t", "\n", "\r", "\xa0"])
def test_cues_are_found_across_the_wraps_of_a_line(space: str) -> None:
    cues = CueSet("energy", ("crude oil", "snake"), ("fuel oil",), excluded=("snake oil",))
    found = CueMatcher([cues]).matches(f"{space}Crude oil, fuel oil and snake oil.".replace(" ", space))
    assert [(m.cue, m.start, m.end) for m in found] == [("crude oil", 1, 10), ("fuel oil", 12, 20)]


def test_a_negation_is_found_across_the_wrap_of_a_line() -> None:
    (match,) = CueMatcher([CueSet("favor", phrases=("sign",))]).matches("They have yet\nto sign.")
    assert match.negated


@pytest.mark.parametrize(
    ("before", "negated"),
    [
        ("They will not ", True),
        ("They will not in any haste ", True),
        ("They will not in any great haste ", False),
        ("They will not wait, but ", False),
        ("They didn't ", True),
        ("They refused to ", True),
        ("They will ", False),
    ],
)
def test_a_negation_reaches_over_three_words_of_its_clause(before: str, negated: bool) -> None:
    assert is_negated(f"{before}sign.", len(before)) == negated


@pytest.mark.parametrize(
    ("text", "count"), [("IT services and IT firms rose.", 2), ("It services debt; it firms up it index.", 0)]
)
def test_the_projects_pattern_of_a_sector_is_no_pronoun(text: str, count: int, own: CueMatcher) -> None:
    found = [m for m in own.matches(text) if m.class_id == "technology" and m.kind == "patterns"]
    assert len(found) == count

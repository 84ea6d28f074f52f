"""The automaton and its filter of patterns find what trying every pattern would find."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.labeling.cues import CueSet
from pipeline.labeling.literals import literals
from pipeline.labeling.matching import CueMatcher

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
    ],
)
def test_what_a_pattern_demands(pattern: str, wanted: set[str]) -> None:
    assert literals(pattern) == wanted


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

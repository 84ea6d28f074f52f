"""Kinds of sentences that a model may do better or worse on.

Each slice is a function that names the group of a sentence, or "" to leave it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.evaluation.metrics import Judged, Resampling, f1_figures
from pipeline.schemas import Article, Assignment, Sentence
from pipeline.taxonomy import Taxonomy

NO_TOPIC = "no topic"  # a group without an F1 of topics: there is none to find
_BUT = re.compile(r"\b(but|however|though|although|(?<!not )yet(?! to\b)|nevertheless)\b", re.IGNORECASE)
_QUOTE = re.compile(r"[\"“”«»]|‘.+?’(?!\w)", re.DOTALL)  # within ‘…’ an apostrophe stands before a letter
_FIGURES = ("macro_f1", "macro_f1_low", "macro_f1_high")
_NAMES = {  # what parties are called beside their name; plurals in -s go without saying
    "ASEAN": "Southeast Asian",
    "Afghanistan": "Afghan",
    "Africa": "African",
    "Argentina": "Argentine, Argentinian",
    "Australia": "Australian",
    "Bahrain": "Bahraini",
    "Bangladesh": "Bangladeshi",
    "Brazil": "Brazilian",
    "Canada": "Canadian",
    "Chile": "Chilean",
    "China": "Chinese, PRC",
    "EFTA": "European Free Trade Association",
    "EU": "European Union, Europe, European",
    "Egypt": "Egyptian",
    "France": "French",
    "Germany": "German",
    "Gulf": "GCC, Gulf Cooperation Council",
    "India": "Indian",
    "Indonesia": "Indonesian",
    "Iran": "Iranian",
    "Iraq": "Iraqi",
    "Ireland": "Irish",
    "Israel": "Israeli",
    "Italy": "Italian",
    "Japan": "Japanese",
    "Korea": "Korean, South Korea, South Korean",
    "Kuwait": "Kuwaiti",
    "Malaysia": "Malaysian",
    "Mexico": "Mexican",
    "Myanmar": "Burmese",
    "Nepal": "Nepali, Nepalese",
    "Netherlands": "Dutch",
    "New Zealand": "New Zealander",
    "Nigeria": "Nigerian",
    "North Korea": "North Korean, DPRK",
    "Norway": "Norwegian",
    "OPEC": "OPEC+",
    "Oman": "Omani",
    "Pakistan": "Pakistani",
    "Philippines": "Philippine, Filipino",
    "Poland": "Polish",
    "Qatar": "Qatari",
    "Russia": "Russian",
    "Saudi Arabia": "Saudi, Saudi Arabian",
    "Singapore": "Singaporean",
    "South Africa": "South African",
    "Spain": "Spanish",
    "Sri Lanka": "Sri Lankan",
    "Sweden": "Swedish",
    "Switzerland": "Swiss",
    "Syria": "Syrian",
    "Taiwan": "Taiwanese",
    "Thailand": "Thai",
    "Turkey": "Türkiye, Turkish, Turk",
    "UAE": "United Arab Emirates, Emirates, Emirati",
    "UK": "U.K., United Kingdom, Britain, British, Briton",
    "US": "U.S., USA, United States, America, American",
    "Ukraine": "Ukrainian",
    "Venezuela": "Venezuelan",
    "Vietnam": "Vietnamese",
}
_PLACES = (  # named after parties without being one
    "East China Sea, South China Sea, Sea of Japan, Indian Ocean, Gulf of Mexico, New Mexico, Korean peninsula, "
    "Korean Peninsula, Latin America, Latin American, North America, North American, South America, South American, "
    "Central America, Central American"
)


@dataclass(frozen=True)
class Place:
    """Where a sentence stands: itself, its article, the parties of all articles, and the pairs that train has."""

    sentence: Sentence
    article: Article
    parties: frozenset[str]
    trained_pairs: frozenset[str]


def places(
    sentences: Iterable[Sentence], articles: Iterable[Article], assignments: Iterable[Assignment]
) -> dict[str, Place]:
    """The place of each sentence, by its id."""
    own = {article.id: article for article in articles}
    trained = frozenset(own[a.article_id].pair for a in assignments if a.split == "train")
    parties = frozenset(party for article in own.values() for party in parties_of(article.pair))
    return {s.id: Place(s, own[s.article_id], parties, trained) for s in sentences}


def parties_of(pair: str) -> tuple[str, ...]:
    """The two parties of a pair.

    >>> parties_of("India-North Korea"), parties_of("multilateral")
    (('India', 'North Korea'), ())
    """
    parts = tuple(pair.split("-"))
    return parts if len(parts) == 2 else ()


def genre(row: Judged, place: Place) -> str:
    """What kind of text the article is."""
    return place.article.genre


def pair(row: Judged, place: Place) -> str:
    """Whether train has articles on the same two parties."""
    if not parties_of(place.article.pair):
        return ""
    return "seen in train" if place.article.pair in place.trained_pairs else "unseen in train"


def length(row: Judged, place: Place) -> str:
    """Words of the sentence."""
    words = len(row.text.split())
    return "up to 10 words" if words <= 10 else "11 to 25 words" if words <= 25 else "over 25 words"


def form(row: Judged, place: Place) -> str:
    """Heading or prose."""
    return "heading" if place.sentence.is_heading else "prose"


def contrast(row: Judged, place: Place) -> str:
    """Whether the sentence turns: a stance may stand on either side of a "but"."""
    return "but" if _BUT.search(row.text) else "no but"


def quotation(row: Judged, place: Place) -> str:
    """Whether somebody is quoted."""
    return "quotation" if _QUOTE.search(row.text) else "no quotation"


def topic_count(row: Judged, place: Place) -> str:
    """How many topics the sentence truly has."""
    return (NO_TOPIC, "one topic")[len(row.topics)] if len(row.topics) < 2 else "several topics"


def third_party(row: Judged, place: Place) -> str:
    """Whether a party is named, by its name or adjective, that is none of the article's two.

    A member of a party ("Germany" of the EU) is a party of its own.
    """
    own = parties_of(place.article.pair)
    if not own:
        return ""
    pattern, owners = _names(place.parties)
    named = {owners[name] for name in pattern.findall(row.text)} - {"", *(owners[party] for party in own)}
    return "third party named" if named else "no third party"


@cache
def _names(parties: frozenset[str]) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern of all names, and whose each is ("": nobody's); of two at one place it finds the longer."""
    owners = {name: party for party, others in _NAMES.items() for name in (party, *others.split(", "))}
    owners = {**dict.fromkeys(_PLACES.split(", "), ""), **{party: party for party in parties}, **owners}
    longest_first = "|".join(map(re.escape, sorted(owners, key=len, reverse=True)))
    return re.compile(rf"(?<!\w)({longest_first})s?(?![\w$])"), owners  # "US$" is money


SLICES: tuple[Callable[[Judged, Place], str], ...] = (
    genre,
    pair,
    length,
    form,
    contrast,
    quotation,
    topic_count,
    third_party,
)


def slice_table(
    rows: Sequence[Judged], placed: Mapping[str, Place], taxonomy: Taxonomy, resampling: Resampling
) -> list[dict[str, Any]]:
    """Figures of each group of each slice; groups in the order of their names.

    F1 are over the classes that occur in the group: compare groups by their intervals.
    """
    table = []
    for slice_ in SLICES:
        groups: dict[str, list[Judged]] = {}
        for row in rows:
            groups.setdefault(slice_(row, placed[row.sentence_id]), []).append(row)
        for name in sorted(groups.keys() - {""}):
            figures = f1_figures(groups[name], taxonomy, resampling)
            table.append(
                {
                    "slice": slice_.__name__,
                    "group": name,
                    "sentences": len(groups[name]),
                    "articles": figures["articles"],
                    **{f"topics_{k}": figures["topics"][k] if name != NO_TOPIC else "" for k in _FIGURES},
                    "topics_exact_match": figures["topics"]["exact_match"],
                    **{f"stance_{k}": figures["stance"][k] for k in _FIGURES},
                    "joint_accuracy": figures["joint_accuracy"],
                }
            )
    return table

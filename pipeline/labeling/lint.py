"""Linting the cues: which are dead, over-broad, contradicting or duplicate, with the sentences that show it.

Errors are what is wrong with a cue whatever text comes: it stands twice, it speaks for two stances, an excluding
phrase always silences it, or annotations contradict it. The rest are warnings: a cue that never matched may match
in other text, and one that is right too seldom may still be worth keeping for its reach.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.labeling.cues import KINDS, CueSet
from pipeline.labeling.functions import spoken_for
from pipeline.labeling.matching import CueMatcher
from pipeline.schemas import Annotation, Sentence
from pipeline.taxonomy import Taxonomy

DUPLICATE, CONTRADICTING, SILENCED, OVER_BROAD, DEAD, COVERED = (
    "duplicate", "contradicting", "silenced", "over-broad", "dead", "covered",
)  # fmt: skip
ERRORS = frozenset({DUPLICATE, CONTRADICTING, SILENCED})
_SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """What is wrong with a cue of a class, why, and sentences that show it."""

    problem: str
    class_id: str
    cue: str
    why: str
    sentences: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.problem in ERRORS


@dataclass(frozen=True)
class Strictness:
    """From how many annotated sentences a cue is judged, and what share of them must bear it out."""

    least: int = 5
    precision: float = 0.5


@dataclass(frozen=True)
class _Seen:
    """Sentences in which a cue counted, those where it stands but says nothing, and those where it is silenced.

    It says nothing as a heading cue in prose or a negated stance cue; an excluding phrase, given too, silences it.
    """

    counted: list[Sentence]
    uncounted: list[Sentence]
    silenced: list[tuple[Sentence, str]]


def lint(
    sets: Sequence[CueSet],
    sentences: Sequence[Sentence],
    annotations: Mapping[str, Annotation],
    strictness: Strictness,
    taxonomy: Taxonomy,
) -> list[Finding]:
    """All findings, errors first. `sentences` are those of train and validation; test must not be looked at."""
    seen = _look(sets, sentences, taxonomy)
    findings = [*_duplicates(sets, seen), *_two_sided(sets, seen, taxonomy), *_covered(sets, seen)]
    for cues in sets:
        for kind in KINDS:
            for cue in dict.fromkeys(getattr(cues, kind)):
                found = seen[cues.class_id, kind, cue]
                if found.counted:
                    findings += _judge(cues.class_id, cue, found.counted, annotations, strictness, taxonomy)
                else:
                    findings.append(_never(cues.class_id, cue, found, len(sentences)))
    return sorted(findings, key=lambda f: (not f.is_error, f.problem, f.class_id, f.cue))


def _look(
    sets: Sequence[CueSet], sentences: Sequence[Sentence], taxonomy: Taxonomy
) -> Mapping[tuple[str, str, str], _Seen]:
    """What each cue did, by class, kind and cue; negated stance matches do not count."""
    matcher = CueMatcher(sets)
    seen: dict[tuple[str, str, str], _Seen] = defaultdict(lambda: _Seen([], [], []))
    for sentence in sentences:
        kept, dropped = matcher.sorted_out(sentence.text)
        for match in kept:
            found = seen[match.class_id, match.kind, match.cue]
            own = found.counted if spoken_for(match, sentence, None, taxonomy) else found.uncounted
            if not own or own[-1] is not sentence:
                own.append(sentence)
        for match, cover in dropped:
            seen[match.class_id, match.kind, match.cue].silenced.append((sentence, cover.cue))
    return seen


def _duplicates(sets: Sequence[CueSet], seen: Mapping[tuple[str, str, str], _Seen]) -> Iterator[Finding]:
    for cues in sets:
        spelled: dict[tuple[str, str], list[str]] = defaultdict(list)
        for kind in (*KINDS, "excluded"):
            for cue in getattr(cues, kind):
                spelled[kind, cue.lower()].append(cue)
        for (kind, cue), same in spelled.items():
            if len(same) > 1:
                key = (cues.class_id, kind, same[0])
                own = _covering(cues.class_id, cue, seen) if kind == "excluded" else seen[key].counted
                why = f"stands {len(same)} times under {kind}; keep one"
                yield Finding(DUPLICATE, cues.class_id, cue, why, _texts(own))


def _covering(class_id: str, phrase: str, seen: Mapping[tuple[str, str, str], _Seen]) -> list[Sentence]:
    """Sentences in which an excluding phrase silenced a cue of its class."""
    own = [found for (owner, _, _), found in seen.items() if owner == class_id]
    return [sentence for found in own for sentence, cover in found.silenced if cover.lower() == phrase]


def _covered(sets: Sequence[CueSet], seen: Mapping[tuple[str, str, str], _Seen]) -> Iterator[Finding]:
    """Phrases that add nothing, since another phrase of the class matches wherever they do."""
    for cues in sets:
        for kind in ("phrases", "headings"):
            own = getattr(cues, kind)
            stems = sorted({cue[:-1].lower() for cue in own if cue.endswith("*")}, key=len)
            for cue in own:
                stem = next((s for s in stems if cue.lower().startswith(s) and cue.lower() != f"{s}*"), None)
                if stem is not None:
                    texts = _texts(seen[cues.class_id, kind, cue].counted)
                    yield Finding(COVERED, cues.class_id, cue, f"'{stem}*' matches wherever it does; remove it", texts)


def _two_sided(
    sets: Sequence[CueSet], seen: Mapping[tuple[str, str, str], _Seen], taxonomy: Taxonomy
) -> Iterator[Finding]:
    """Cues that stand in the files of two stances; a cue of two topics is welcome."""
    stances = [cues for cues in sets if cues.class_id in taxonomy.stance_ids]
    for index, cues in enumerate(stances):
        for other in stances[index + 1 :]:
            for kind in KINDS:
                theirs = {cue.lower() for cue in getattr(other, kind)}
                for cue in getattr(cues, kind):
                    if cue.lower() in theirs:
                        texts = _texts(seen[cues.class_id, kind, cue].counted)
                        yield Finding(CONTRADICTING, cues.class_id, cue, f"stands under {other.class_id} too", texts)


def _never(class_id: str, cue: str, found: _Seen, looked: int) -> Finding:
    if found.silenced and not found.uncounted:
        covers = sorted({cover for _, cover in found.silenced})
        texts = _texts([sentence for sentence, _ in found.silenced])
        return Finding(SILENCED, class_id, cue, f"the class's own `not` covers it always: {', '.join(covers)}", texts)
    return Finding(DEAD, class_id, cue, f"counts in none of {looked} sentences", _texts(found.uncounted))


def _judge(
    class_id: str,
    cue: str,
    counted: Sequence[Sentence],
    annotations: Mapping[str, Annotation],
    strictness: Strictness,
    taxonomy: Taxonomy,
) -> Iterator[Finding]:
    judged = [(s, annotations[s.id]) for s in counted if s.id in annotations]
    wrong = [(s, a) for s, a in judged if class_id not in (*a.topics, a.stance)]
    right = len(judged) - len(wrong)
    if len(judged) < strictness.least or right >= strictness.precision * len(judged):
        return
    stances = Counter(a.stance for _, a in wrong if a.stance != taxonomy.default_stance)
    texts = tuple(f"[{_told(a)}] {s.text}" for s, a in wrong[:_SHOWN])
    rival, times = stances.most_common(1)[0] if stances else ("", 0)
    sided = class_id in taxonomy.stance_ids and class_id != taxonomy.default_stance
    if sided and times > right:
        why = f"annotated {rival} {times} times, {class_id} {right} times of {len(judged)}"
        yield Finding(CONTRADICTING, class_id, cue, why, texts)
    else:
        yield Finding(OVER_BROAD, class_id, cue, f"right in {right} of {len(judged)} annotated sentences", texts)


def _told(annotation: Annotation) -> str:
    return f"{', '.join(annotation.topics) or 'no topic'}; {annotation.stance}"


def _texts(sentences: Sequence[Sentence]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(s.text for s in sentences))[:_SHOWN]

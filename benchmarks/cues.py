"""How fast cues are matched: `python benchmarks/cues.py`.

The project's own sentences, repeated up to 100,000, against all of seeds/cues: by the one automaton, and by a loop
that tries each phrase as a regular expression and each pattern, on a share of them. Both must find the same cues.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import typer
from tabulate import tabulate

from pipeline.command import guarded
from pipeline.labeling.cues import CueSet, load_cues
from pipeline.labeling.matching import CueMatcher
from pipeline.schemas import Sentence
from pipeline.storage import read_jsonl
from pipeline.taxonomy import load_taxonomy


def looped(sets: tuple[CueSet, ...]) -> list[tuple[str, str, re.Pattern[str]]]:
    """Class, cue and expression of every phrase and pattern, to be tried one after the other."""
    tried = []
    for cues in sets:
        for cue in (*cues.phrases, *cues.headings):
            end = "" if cue.endswith("*") else r"(?![^\W_])"
            tried.append((cues.class_id, cue, re.compile(rf"(?<![^\W_]){re.escape(cue.rstrip('*'))}{end}", re.I)))
        tried += [(cues.class_id, cue, re.compile(cue, re.I)) for cue in cues.patterns]
    return tried


def main(
    sentences: Path = Path("data/interim/sentences.jsonl"),
    seeds: Path = Path("seeds"),
    count: int = 100_000,
    loop: int = 1_000,
) -> None:
    """Match `count` sentences by the automaton, and `loop` of them by the loop."""
    sets = load_cues(seeds / "cues", load_taxonomy(seeds / "taxonomy.yaml"))
    own = [s.text for s in read_jsonl(sentences, Sentence)]
    texts = (own * (count // len(own) + 1))[:count]
    matcher, tried = CueMatcher(sets), looped(sets)
    start = time.perf_counter()
    for text in texts:
        matcher.matches(text)
    automaton = time.perf_counter() - start
    start = time.perf_counter()
    found = [{(c, cue) for c, cue, expression in tried if expression.search(text)} for text in texts[:loop]]
    in_loop = time.perf_counter() - start
    for text, wanted in zip(texts[:loop], found, strict=True):
        kept, dropped = matcher.sorted_out(text)
        got = {(m.class_id, m.cue) for m in (*kept, *(m for m, _ in dropped))}
        if got != wanted:
            raise SystemExit(f"the two find different cues in {text!r}: {sorted(got ^ wanted)}")
    table = [
        ["one automaton", len(texts), automaton, len(texts) / automaton],
        ["loop over cues", len(found), in_loop, len(found) / in_loop],
    ]
    print(f"{len(tried)} cues, {len(texts)} sentences; the same cues found in the first {len(found)}\n")
    print(tabulate(table, headers=["way", "sentences", "seconds", "sentences a second"], floatfmt=",.1f"))


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

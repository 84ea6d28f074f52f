"""`detente cues`: the findings of the linter in the project's own text, as lines to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.labeling.annotations import load_annotations
from pipeline.labeling.cues import load_cues
from pipeline.labeling.lint import Finding, Strictness, lint
from pipeline.schemas import Assignment, Sentence
from pipeline.storage import read_jsonl
from pipeline.taxonomy import load_taxonomy

_WIDTH = 160


def lint_seeds(seeds: Path, interim: Path, strictness: Strictness) -> list[Finding]:
    """Lint the cues of a seeds folder against train and validation sentences; test stays unseen.

    Raises:
        UserError: when the seeds do not load, or `ingest` and `split` have not run.
    """
    taxonomy = load_taxonomy(seeds / "taxonomy.yaml")
    sets = load_cues(seeds / "cues", taxonomy)
    final = load_annotations(seeds / "annotations", taxonomy).final()
    split_of = {a.article_id: a.split for a in read_jsonl(interim / "splits.jsonl", Assignment)}
    sentences = [s for s in read_jsonl(interim / "sentences.jsonl", Sentence) if split_of[s.article_id] != "test"]
    return lint(sets, sentences, final, strictness, taxonomy)


def as_text(findings: Sequence[Finding]) -> str:
    """Each finding in a line with its sentences below, and a count at the end."""
    lines = []
    for finding in findings:
        grade = "error" if finding.is_error else "warning"
        lines.append(f"{grade}: {finding.class_id}: {finding.problem} cue {finding.cue!r}: {finding.why}")
        lines += [f"    {_short(text)}" for text in finding.sentences]
    counts = Counter(finding.problem for finding in findings)
    lines.append(", ".join(f"{count} {problem}" for problem, count in sorted(counts.items())) or "nothing found")
    return "\n".join(lines)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"

"""Whether a model becomes the registered champion: only if it is better than the incumbent on the same test data."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.metrics import Judged, Resampling
from pipeline.storage import read_jsonl
from pipeline.taxonomy import Taxonomy
from pipeline.tracking import registry
from pipeline.tracking.origin import git_author
from pipeline.tracking.place import SWITCH, shown_uri
from pipeline.tracking.registry import Candidate, Version
from pipeline.tracking.store import alone, failing_clearly

Rejudge = Callable[[Path], Sequence[Judged]]
FIRST, BETTER, FORCED, REFUSED, ALREADY = "first", "better", "forced", "refused", "already"


@dataclass(frozen=True)
class Force:
    """A person's decision against the test: who, and why."""

    author: str
    reason: str

    @classmethod
    def by_user(cls, reason: str | None) -> Force:
        """The decision of whoever runs this: the author of their git commits, or else their login.

        Raises:
            UserError: when no reason is given.
        """
        if not (reason or "").strip():
            raise UserError.one("no reason given", "--force", "add --reason TEXT: it stays with the model")
        return cls(git_author() or getpass.getuser(), str(reason).strip())


@dataclass(frozen=True)
class Verdict:
    """How the matter of `version` was decided (`first`, `better`, `forced`, `refused`, `already`), and why."""

    version: Version
    how: str
    reason: str

    @property
    def promoted(self) -> bool:
        """Whether the alias was moved."""
        return self.how in (FIRST, BETTER, FORCED)

    def __str__(self) -> str:
        said = {ALREADY: "is the champion", REFUSED: "does not become the champion"}.get(
            self.how, "is the new champion"
        )
        return f"{registry.NAME} {self.version.label} {said}: {self.reason}"


@dataclass(frozen=True)
class Rules:
    """How two models are compared; `rejudge` judges the model of a folder on the test data of today, if that can be."""

    taxonomy: Taxonomy
    resampling: Resampling
    rejudge: Rejudge | None = None


def candidate(folder: Path) -> Candidate:
    """The model of `models/<name>/model` with its evaluation beside it.

    Raises:
        UserError: when it was not evaluated, or another model in its place was.
    """
    evaluation = folder.parent / "evaluation"
    predictions, card = evaluation / "predictions.jsonl", evaluation / "card.md"
    found = Candidate(folder, card, predictions, sha256_of_test(read_jsonl(predictions, Judged)))
    told = card.read_text(encoding="utf-8") if card.is_file() else ""
    if found.manifest["sha256"][:12] not in told:  # as a card names its model
        raise UserError.one("not an evaluation of this model", evaluation, "evaluate it: `dvc repro`")
    return found


def sha256_of_test(rows: Sequence[Judged]) -> str:
    """Hash of what was asked, sentences and true labels in their order, whatever a model answered."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps([row.sentence_id, row.article_id, row.text, row.topics, row.stance]).encode() + b"\n")
    return digest.hexdigest()


def promote(challenger: Candidate, rules: Rules, force: Force | None = None) -> Verdict:
    """Register the challenger, move the alias `champion` to it if it has earned it, and note the reason on it.

    Raises:
        UserError: when the challenger is no model or was not evaluated, or the store fails.
    """
    with failing_clearly():
        return _promote(challenger, rules, force)


def _promote(challenger: Candidate, rules: Rules, force: Force | None = None) -> Verdict:
    version = registry.register(challenger)
    with alone():
        incumbent = registry.champion()
        verdict = _verdict(version, challenger, incumbent, rules, force)
        if verdict.how != ALREADY:
            tags = {registry.DECISION: verdict.how, registry.REASON: verdict.reason}
            tags[registry.OVER] = incumbent.number if incumbent else "none"
            tags[registry.TEST] = challenger.test_sha256
            if force is not None:
                tags[registry.AUTHOR] = force.author
            registry.decide(version, verdict.promoted, tags)
    return verdict


def _verdict(
    version: Version, challenger: Candidate, incumbent: Version | None, rules: Rules, force: Force | None
) -> Verdict:
    if incumbent is not None and incumbent.sha256 == version.sha256:
        return Verdict(version, ALREADY, "the alias points at these bytes")
    if force is not None:
        return Verdict(version, FORCED, force.reason)
    if incumbent is None:
        return Verdict(version, FIRST, "there was no champion before")
    try:
        theirs = _predictions(incumbent, challenger.test_sha256, rules)
        ours = read_jsonl(challenger.predictions, Judged)
        found = compare((version.label, ours), (incumbent.label, theirs), rules.taxonomy, rules.resampling)
    except UserError as error:
        return Verdict(version, REFUSED, f"no fair comparison: {error}")
    gain = f"{found.gain:+.4f} [{found.low:+.4f}, {found.high:+.4f}] in mean macro-F1 on the same test data"
    if found.is_better:
        return Verdict(version, BETTER, f"better than {incumbent.label}: {gain}")
    return Verdict(version, REFUSED, f"not better than {incumbent.label} beyond doubt: {gain}")


def _predictions(incumbent: Version, test_sha256: str, rules: Rules) -> Sequence[Judged]:
    """What the incumbent said of the test data: as stored with it, or anew where the data has changed since."""
    with tempfile.TemporaryDirectory() as scratch:
        stored = registry.fetch(incumbent, f"{registry.EVIDENCE}/predictions.jsonl", Path(scratch) / "evidence")
        with contextlib.suppress(UserError):  # written by another version: as good as none
            rows = read_jsonl(stored, Judged)
            if sha256_of_test(rows) == test_sha256:
                return rows
        if rules.rejudge is None:
            raise UserError.one(
                "judged on other test data", incumbent.label, "`detente promote` judges it anew on that of today"
            )
        return rules.rejudge(registry.fetch(incumbent, "data/model", Path(scratch) / "model"))


def promote_if_possible(folder: Path, rules: Rules) -> None:
    """Promote, as a stage may: whatever the store does costs a line and nothing else."""
    if os.environ.get(SWITCH) == "off":
        return
    try:
        print(_promote(candidate(folder), rules))
    except Exception as error:  # noqa: BLE001 - the champion is chosen, only MLflow does not know it yet
        told = " ".join(str(error).split())[:160] or type(error).__name__
        print(
            f"tracking: {shown_uri()} did not take the champion ({told}); "
            "nothing else is lost, `detente promote` does it later",
            file=sys.stderr,
            flush=True,
        )

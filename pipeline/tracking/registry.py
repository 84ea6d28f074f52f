"""Registered models in MLflow: versions of `detente`, each once, and the alias `champion`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.storage import read_json
from pipeline.tracking.packaging import package
from pipeline.tracking.place import tracking_uri
from pipeline.tracking.store import alone, client, experiment_id, find_by_model, search

NAME = "detente"
CHAMPION = "champion"
EVIDENCE = "evaluation"  # folder beside the packaged model: its card and its predictions on test
MODEL_TAG = "model.sha256"
DECISION, REASON, OVER, AUTHOR = "champion.decision", "champion.reason", "champion.over", "champion.author"
TEST = "test.sha256"


@dataclass(frozen=True)
class Version:
    """One version of the registered model; `tags` say which model it is and how it fared."""

    number: str
    tags: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """Hash of the model's files."""
        return self.tags.get(MODEL_TAG, "")

    @property
    def label(self) -> str:
        """How a person would call it: version and kind of model."""
        return f"version {self.number} ({self.tags.get('model', 'of an unknown kind')})"


@dataclass(frozen=True)
class Candidate:
    """A model folder with what speaks for it: its card, its predictions on test and the hash of that test data."""

    model: Path
    card: Path
    predictions: Path
    test_sha256: str

    @property
    def manifest(self) -> dict[str, Any]:
        """Kind and hash of the model."""
        manifest: dict[str, Any] = read_json(self.model / "manifest.json")
        return manifest


def champion() -> Version | None:
    """The version that the alias points at, or None."""
    from mlflow.exceptions import MlflowException

    try:
        found = client().get_model_version_by_alias(NAME, CHAMPION)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None  # no such model, or no such alias
        raise
    return Version(str(found.version), dict(found.tags))


def find_version(sha256: str) -> Version | None:
    """The version with this model's bytes, or None."""
    query = f"name = '{NAME}' and tag.`{MODEL_TAG}` = '{sha256}'"
    found = client().search_model_versions(query)
    return Version(str(found[0].version), dict(found[0].tags)) if found else None


def register(candidate: Candidate) -> Version:
    """The candidate as a version of the registered model; equal bytes are registered once.

    Raises:
        UserError: when it is no model or was changed.
    """
    sha256 = candidate.manifest["sha256"]
    known = find_version(sha256)
    if known is not None:
        return known
    tags = {MODEL_TAG: sha256, "model": candidate.manifest["kind"], TEST: candidate.test_sha256}
    run_id = _run_of(sha256)
    model_id = _log(candidate, run_id, tags)
    card = candidate.card.read_text(encoding="utf-8") if candidate.card.is_file() else None
    with alone():
        known = find_version(sha256)  # another stage may have been quicker
        if known is not None:
            client().delete_logged_model(model_id)
            return known
        _ensure_registered()
        source = f"models:/{model_id}"
        made = client().create_model_version(NAME, source, run_id, tags=tags, description=card, model_id=model_id)
    return Version(str(made.version), tags)


def decide(version: Version, promoted: bool, tags: Mapping[str, str]) -> None:
    """Note on a version why it became the champion or not, and move the alias if it did."""
    store = client()
    for key, value in tags.items():
        store.set_model_version_tag(NAME, version.number, key, value)
    if AUTHOR in version.tags and AUTHOR not in tags:  # decided by the comparison now, by nobody any more
        store.delete_model_version_tag(NAME, version.number, AUTHOR)
    if promoted:
        store.set_registered_model_alias(NAME, CHAMPION, version.number)


def fetch(version: Version, part: str, target: Path) -> Path:
    """A file or folder of a version's stored model, downloaded under `target`; `part` is its path there.

    Raises:
        UserError: when the store no longer has it.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow.artifacts import download_artifacts

    uri = f"models:/{NAME}/{version.number}/{part}"
    try:
        got = download_artifacts(uri, dst_path=str(target), tracking_uri=tracking_uri(), registry_uri=tracking_uri())
    except Exception as error:
        raise UserError.one(f"cannot be fetched ({error})", uri, "restore the store, or use --force") from error
    return Path(got)


def _ensure_registered() -> None:
    from mlflow.exceptions import MlflowException

    try:
        client().create_registered_model(NAME, description="Topics and stance of sentences; each version has its card.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _run_of(sha256: str) -> str | None:
    """The run that made the model, or else the latest that speaks of it."""
    found = find_by_model(sha256) or next(iter(search(f"tags.`{MODEL_TAG}` = '{sha256}'", 1)), None)
    return str(found.info.run_id) if found else None


def _log(candidate: Candidate, run_id: str | None, tags: Mapping[str, str]) -> str:
    """Store the packaged model with its evidence; returns its id."""
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    store = client()
    with alone():
        experiment = experiment_id(store)
    logged = store.create_logged_model(experiment, candidate.manifest["kind"], run_id, dict(tags))
    model_id = str(logged.model_id)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "model"
            ids: dict[str, Any] = {"run_id": run_id, "model_uuid": model_id, "model_id": model_id}
            package(candidate.model, folder, Model(artifact_path=logged.artifact_location, **ids))
            _add_evidence(candidate, folder / EVIDENCE)
            store.log_model_artifacts(model_id, str(folder))
    except BaseException:
        store.finalize_logged_model(model_id, "FAILED")
        raise
    store.finalize_logged_model(model_id, "READY")
    if run_id is not None:
        store.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
    return model_id


def _add_evidence(candidate: Candidate, folder: Path) -> None:
    folder.mkdir()
    for file in (candidate.card, candidate.predictions):
        if file.is_file():
            shutil.copyfile(file, folder / file.name)

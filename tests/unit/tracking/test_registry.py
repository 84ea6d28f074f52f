"""What a version of the registered model says of how it became the champion, or not."""

from pipeline.tracking import registry
from pipeline.tracking.registry import AUTHOR, DECISION, MODEL_TAG, NAME, Version, decide
from pipeline.tracking.store import client


def test_who_forced_a_version_is_forgotten_when_the_comparison_decides() -> None:
    client().create_registered_model(NAME)
    client().create_model_version(NAME, "file:///nowhere", tags={MODEL_TAG: "abc"})
    forced = {DECISION: "forced", AUTHOR: "Ada ada@example.org"}
    for promoted, tags in ((True, forced), (False, {DECISION: "refused"})):
        version = registry.find_version("abc")
        assert isinstance(version, Version)
        decide(version, promoted, tags)
        found = client().get_model_version(NAME, "1").tags
        assert found == {MODEL_TAG: "abc", **tags}

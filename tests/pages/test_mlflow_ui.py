"""What a person does in MLflow's UI, done by a browser on the miniature project after an experiment.

DETENTE_SCREENSHOT=FILE keeps the picture of the comparison, which the README shows.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.miniature import Run

expect.set_options(timeout=60_000)
HEADLINE = ("test.topics.macro_f1", "test.stance.macro_f1", "test.joint_accuracy")
SCREENSHOT = "DETENTE_SCREENSHOT"


@pytest.fixture(scope="module")
def changed(project: Path, run: Run, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the fine-tuned model was trained a second time, with another learning rate."""
    folder = tmp_path_factory.mktemp("changed") / "project"
    shutil.copytree(project, folder, symlinks=True)
    run(folder, "dvc", "exp", "run", "-S", "train_finetuned.learning_rate=0.002", "evaluate@finetuned")
    return folder


@pytest.fixture(scope="module")
def address(changed: Path) -> Iterator[str]:
    """The page that `detente ui` says it opens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipeline.cli", "ui", "--port", str(port), "--no-browse"]
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    with (changed / "ui.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=changed, env=environment | {"PYTHONPATH": str(changed)}, stdout=subprocess.PIPE, stderr=log
        )
        assert server.stdout is not None
        told = next((line for line in map(bytes.decode, server.stdout) if "http" in line), "")
        yield told.removeprefix("MLflow on ").strip()
        own = psutil.Process(server.pid).children(recursive=True)
        server.terminate()
        assert server.wait() == 0
        assert not psutil.wait_procs(own, timeout=30)[1], "the server lives on"


@pytest.fixture
def runs(page: Page, address: str) -> Page:
    """The page on which the UI opens."""
    page.goto(address, timeout=120_000)
    expect(page.get_by_role("link", name="evaluate baseline")).to_be_visible(timeout=60_000)
    assistant = page.get_by_role("button", name="Close", exact=True)
    if assistant.count():
        assistant.click()
    return page


def figures(project: Path, model: str) -> dict[str, str]:
    """A model's headline figures as the table shows them."""
    found = json.loads((project / "models" / model / "metrics.json").read_text())["test"]
    values = (found["topics"]["macro_f1"], found["stance"]["macro_f1"], found["joint_accuracy"])
    return dict(zip(HEADLINE, (f"{value:.4f}".rstrip("0").rstrip(".") for value in values), strict=True))


def test_the_table_of_runs_opens_with_the_headline_figures(runs: Page, changed: Path) -> None:
    for name in HEADLINE:
        expect(runs.locator(".ag-header-cell", has_text=name)).to_be_visible()
    index = runs.locator(".ag-row", has_text="evaluate baseline").first.get_attribute("row-index")
    cells = runs.locator(f'.ag-row[row-index="{index}"]').all_inner_texts()
    for value in figures(changed, "baseline").values():
        assert value in " ".join(cells).split()


def test_two_runs_are_compared_by_what_differs(runs: Page) -> None:
    runs.locator("button[data-component-id*=runnamecellrenderer]").first.click()  # unfolds the experiment
    trained = runs.locator(".ag-row", has_text="train finetuned")
    expect(trained).to_have_count(2)
    for row in trained.all()[:2]:
        row.locator("input[type=checkbox]:visible").check()
    runs.get_by_role("button", name="Compare").click()
    expect(runs.get_by_text("Comparing 2 Runs").first).to_be_visible()
    runs.get_by_text("Show diff only").first.click()
    differing = runs.get_by_role("row", name="train_finetuned.learning_rate")
    expect(differing).to_contain_text("0.005")
    expect(differing).to_contain_text("0.002")
    expect(runs.get_by_role("row", name="train_finetuned.epochs")).to_have_count(0)
    expect(runs.get_by_role("link", name="validation.loss")).to_be_visible()
    for part in ("Visualizations", "Run details"):
        runs.get_by_text(part, exact=True).click()  # folds it away: params and metrics are below
    if SCREENSHOT in os.environ:
        runs.screenshot(path=os.environ[SCREENSHOT])


def test_a_training_run_has_its_curves(runs: Page) -> None:
    runs.get_by_role("link", name=re.compile("^train finetuned")).first.click()
    runs.get_by_role("link", name="Model metrics").or_(runs.get_by_role("tab", name="Model metrics")).first.click()
    runs.get_by_placeholder("Search metric charts").fill("validation.topics")
    chart = runs.locator(".js-plotly-plot", has_text=re.compile("Step")).first
    expect(chart.locator("path.js-line").first).to_be_attached()
    expect(runs.get_by_text("validation.topics.macro_f1").first).to_be_visible()


def test_an_evaluation_has_its_confusion_matrix_and_card(runs: Page) -> None:
    runs.get_by_role("link", name="evaluate baseline").first.click()
    runs.get_by_text("Artifacts", exact=True).first.click()
    runs.get_by_text("plots", exact=True).click()
    runs.get_by_text("topic_confusion.png", exact=True).click()
    picture = runs.get_by_role("img", name="plots/topic_confusion.png")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 200
    runs.get_by_text("card.md", exact=True).click()
    expect(runs.get_by_text("Model card: baseline")).to_be_visible()


def test_the_champion_is_registered_with_its_card(page: Page, address: str, changed: Path) -> None:
    champion = json.loads((changed / "models" / "champion.json").read_text())
    page.goto(f"{address.split('#', maxsplit=1)[0]}#/models/detente", timeout=120_000)
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_text("@ champion").first).to_be_visible()
    expect(page.get_by_text(champion["sha256"])).to_be_visible()
    expect(page.get_by_role("heading", name=f"Model card: {champion['model']}")).to_be_visible()

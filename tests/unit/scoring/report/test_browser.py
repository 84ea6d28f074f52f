"""The page in Chromium: filters and keys work, nothing is fetched, markup in articles stays text, a phone can show it.

`REPORT_PICTURE=FILE` beside `REPORT_OF=SCORED` in the environment takes the README's picture.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.scoring.report.page import write_report
from tests.scored_rows import STANCES, row, write

EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
ROWS = [
    row("torn", "farms", "no", position=0, title=EVIL, source="Wire", text="Farm talks failed."),
    row("torn", "farms", "no", position=1, start=10, end=19, title=EVIL, text=EVIL),
    row("torn", "ships", "yes", position=2, start=20, end=29, title=EVIL, text="Ships sail."),
    row("torn", "ships", "yes", position=3, start=30, end=39, title=EVIL, text="More ships sail."),
    row("glad", "farms", "yes", source="Gazette", date="2026-02-01", text="Farmers cheer.", confidence=0.95),
    row("glad", "", "maybe", source="Gazette", date="2026-02-01", position=1, text="It rained.", confidence=0.2,
        abstain=True),
]  # fmt: skip
ROWS += [row(f"more{i}", "ships", "maybe", text=f"Ship {i}.", date="2025-01-01") for i in range(30)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    write_report(write(folder / "s.parquet", ROWS), folder / "r.html")
    return (folder / "r.html").as_uri()


@pytest.fixture
def opened(page: Page, report: str) -> Page:
    page.asked, page.faults = [], []  # type: ignore[attr-defined]
    page.on("request", lambda request: page.asked.append(request.url))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.faults.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda message: page.faults.append(message.text))  # type: ignore[attr-defined]
    page.goto(report)
    return page


def shown(page: Page) -> list[str]:
    return page.locator("#list .s p").all_inner_texts()


def test_nothing_is_fetched_and_markup_in_articles_stays_text(opened: Page, report: str) -> None:
    expect(opened.locator(".card h3").first).to_have_text(EVIL)
    assert EVIL in shown(opened)
    assert opened.locator("#list script, #list img, #most-divided script").count() == 0
    assert "owned" not in opened.title()
    assert (opened.asked, opened.faults) == ([report], [])  # type: ignore[attr-defined]
    opened.evaluate("fetch('https://example.org').catch(() => {})")
    opened.evaluate("document.head.append(Object.assign(document.createElement('script'), {text: 'document.title=1'}))")
    assert opened.title() != "1"
    assert any("Content Security Policy" in fault for fault in opened.faults)  # type: ignore[attr-defined]


def test_filters_leave_the_sentences_that_fit_all_of_them(opened: Page) -> None:
    count = opened.locator("#count")
    expect(count).to_have_text("32 articles, 36 sentences")
    opened.get_by_role("checkbox", name="Farms").check()
    expect(count).to_have_text("2 articles, 3 sentences")
    opened.locator("#stance-filter input[value=no]").check()
    expect(count).to_have_text("1 article, 2 sentences")
    assert shown(opened) == ["Farm talks failed.", EVIL]
    expect(opened.locator(".gap")).to_have_text("⋯ 2 sentences not shown by the filters")
    opened.locator(".gap").click()
    assert len(shown(opened)) == 4
    opened.get_by_role("button", name="Clear").click()
    expect(count).to_have_text("32 articles, 36 sentences")


def test_source_confidence_unsure_and_words_filter_too(opened: Page) -> None:
    count = opened.locator("#count")
    opened.get_by_label("Source").select_option("Gazette")
    expect(count).to_have_text("1 article, 2 sentences")
    opened.get_by_label("hide unsure").check()
    assert shown(opened) == ["Farmers cheer."]
    opened.keyboard.press("c")
    opened.locator("#confidence").fill("90")
    expect(count).to_have_text("1 article, 1 sentence")
    opened.locator("#confidence").fill("0")
    opened.get_by_label("Find").fill("SAIL")
    expect(count).to_have_text("1 article, 2 sentences")
    opened.get_by_label("Find").fill("zebra")
    expect(opened.locator("#list")).to_have_text("No sentence fits these filters.")


def test_order_and_pages(opened: Page) -> None:
    assert opened.locator(".card").count() == 25
    opened.get_by_role("button", name="Show more").click()
    assert opened.locator(".card").count() == 32
    expect(opened.get_by_role("button", name="Show more")).to_be_hidden()
    opened.get_by_label("Order").select_option("when")
    expect(opened.locator(".card h3").first).to_have_text("Title of glad")


def test_a_row_of_the_map_counts_its_rows(opened: Page) -> None:
    lines = opened.locator(".map tbody tr").all()
    topics = {"All sentences": None, "Farms": "farms", "Ships": "ships", "No topic": ""}
    for line, (label, topic) in zip(lines, topics.items(), strict=True):
        mine = [r for r in ROWS if topic is None or topic in (r["topics"] or ("",))]
        sure = [r["stance"] for r in mine if not r["abstain"]]
        articles = len({r["article_id"] for r in mine})
        told = f"{len(mine)} in {articles} article{'s' if articles > 1 else ''}"
        assert line.locator("th").inner_text().split("\n") == [label, told]
        counts = [f"{sign} {name.title()} {sure.count(name)}" for sign, name in zip("▼■▲", STANCES[::-1], strict=True)]
        assert [" ".join(part.split()) for part in line.locator(".shares span:has(b)").all_inner_texts()] == counts
        net = round(100 * (sure.count("yes") - sure.count("no")) / len(sure)) if sure else None
        expect(line.locator(".net strong")).to_have_text("–" if net is None else f"{net:+}".replace("-", "−"))
        expect(line.locator(".unsure")).to_have_text(f"{round(100 * (1 - len(sure) / len(mine)))}%")


def test_keys_do_what_the_help_says_of_them(opened: Page) -> None:
    opened.keyboard.press("?")
    told = dict(zip(*(opened.locator(f"#help {tag}").all_inner_texts() for tag in ("dt", "dd")), strict=True))
    opened.keyboard.press("Escape")
    titles, sentences = opened.locator(".card h3 button"), opened.locator(".s")
    for pair, each, on in (("j k", "article", titles), ("n p", "sentence shown", sentences)):
        assert told[pair] == f"next, previous {each}"
        forth, back = pair.split()
        for key, at in ((forth, 0), (forth, 1), (back, 0), (back, 0)):
            opened.keyboard.press(key)
            expect(on.nth(at)).to_be_focused()
        opened.reload()
    assert told["e"] == "open or close all on the page"
    for expanded in ("true", "false"):
        opened.keyboard.press("e")
        assert {title.get_attribute("aria-expanded") for title in titles.all()} == {expanded}


def test_keys_walk_open_filter_and_help(opened: Page) -> None:
    opened.keyboard.press("j")
    expect(opened.locator(".card h3 button").first).to_be_focused()
    opened.keyboard.press("Enter")
    expect(opened.locator(".card h3 button").first).to_have_attribute("aria-expanded", "false")
    opened.keyboard.press("Enter")
    opened.keyboard.press("n")
    expect(opened.locator(".s").first).to_be_focused()
    opened.keyboard.press("/")
    opened.keyboard.type("jnk")
    expect(opened.get_by_label("Find")).to_have_value("jnk")
    opened.keyboard.press("Escape")
    opened.keyboard.press("c")
    expect(opened.get_by_label("Find")).to_have_value("")
    opened.keyboard.press("?")
    expect(opened.locator("#help")).to_be_visible()
    opened.locator("#keys").uncheck()
    opened.keyboard.press("Escape")
    opened.keyboard.press("/")
    expect(opened.get_by_label("Find")).not_to_be_focused()


def test_a_divided_article_is_opened_from_the_head(opened: Page) -> None:
    opened.get_by_label("Source").select_option("Gazette")
    opened.locator("#most-divided a").first.click()
    expect(opened.locator(".card h3 button").first).to_be_focused()
    assert "Farm talks failed." in shown(opened)


def test_the_lead_reads_as_prose(opened: Page) -> None:
    lead = opened.locator(".lead").inner_text()
    assert "unsure to count. " in lead
    assert not re.search(r"[.,]\S", re.sub(r"\d,\d", "", lead))


def test_signs_stand_beside_colours_and_unsure_ones_are_marked(opened: Page) -> None:
    faint = opened.locator(".s.unsure")
    expect(faint.locator(".sign")).to_have_text("■?")
    assert float(faint.locator("p").evaluate("e => getComputedStyle(e).opacity")) < 1
    expect(opened.locator(".s", has_text="Farm talks failed.").locator(".sign")).to_have_text("▼")
    expect(opened.locator(".s", has_text="Farm talks failed.").locator(".tags")).to_contain_text("Farms 90%")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_no_wider_than_its_screen(width: int, browser: Browser, report: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(report)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_long_words_do_not_widen_a_phone(browser: Browser, tmp_path: Path) -> None:
    word = "w" * 200
    rows = [r | {"title": word, "source": word, "text": word, "heading": word} for r in ROWS]
    rows += [row("elsewhere", source=word[1:])]
    write_report(write(tmp_path / "s.parquet", rows), tmp_path / "r.html", title=word)
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto((tmp_path / "r.html").as_uri())
    expect(page.locator("#most-divided a").first).to_be_visible()
    expect(page.locator("#source")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_paper_says_what_is_not_on_it(opened: Page) -> None:
    cut = opened.locator("#cut")
    expect(cut).to_be_hidden()  # on the screen
    opened.emulate_media(media="print")
    expect(cut).to_contain_text("Of 32 articles 25 stand here, 3 with sentences.")
    assert opened.pdf().startswith(b"%PDF")
    opened.emulate_media(media="screen")
    opened.locator(".card h3 button").first.click()
    expect(cut).to_contain_text("Of 32 articles 25 stand here, 2 with sentences.")
    opened.get_by_role("button", name="Show more").click()
    expect(cut).to_contain_text("Of 32 articles 32 stand here, 2 with sentences.")
    opened.keyboard.press("e")
    opened.emulate_media(media="print")
    expect(cut).to_be_hidden()
    assert opened.locator(".card .body").count() == 32


def test_print_leaves_controls_out(opened: Page) -> None:
    opened.emulate_media(media="print")
    expect(opened.locator("#filters")).to_be_hidden()
    expect(opened.locator(".map")).to_be_visible()


def test_picture_for_the_readme(browser: Browser, tmp_path: Path) -> None:
    """Without the environment it draws the small report, so that the way to the picture stays sound."""
    scored = Path(os.environ.get("REPORT_OF") or write(tmp_path / "s.parquet", ROWS))
    picture = Path(os.environ.get("REPORT_PICTURE") or tmp_path / "report.png")
    write_report(scored, tmp_path / "r.html")
    context = browser.new_context(viewport={"width": 1180, "height": 1560}, color_scheme="light")
    page = context.new_page()
    page.goto((tmp_path / "r.html").as_uri())
    page.screenshot(path=picture, timeout=120_000)
    context.close()
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size < 300_000

"""How articles are cut: what holds for any text, and one table of cases for each rule."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.schemas import Article, Sentence
from pipeline.text.segmentation import MAX_LENGTH, segment

PIECES = (
    "The ministers met in Oslo.",
    "Talks with the U.S. went on",
    "Lt. Gen. A. K. Rao",
    "“We will not sign,” he said.",
    '"Will they?" she asked.',
    "1. Trade and Investment",
    "- a quota for cheese",
    "•",
    "-",
    "---",
    "## Energy",
    "**Defence and Security**",
    "Key points include:",
    "Fact SheetToday, the envoys spoke.",
    "the accord.The text",
    "OSLO, March 4 -",
    "at 5.30 p.m. on Friday ...",
    "wheat\t120\t340",
    "\n",
    "\n\n",
    " ",
    "\u00a0",
    "\x85",
    "É. Dupont",
    "协议。",
    "( ",
    "”",
)
NEWSY = st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)
WRITTEN_IN_LINES = st.lists(st.sampled_from(PIECES), max_size=25).map("\n".join)
TEXTS = st.one_of(st.text(max_size=400), NEWSY, WRITTEN_IN_LINES, st.text(alphabet='aBé .!?"“”\n-*#1:;…\u00a0'))
BARE_LINE = re.compile(r"[ \t]*(?:[-–—−*•·▪●◦‣∙_=~#+|:\s]+|\(?\d{1,3}[.)])[ \t]*")
MARKS = "-–—−*•·▪●◦‣∙\uf0b7#_"


def cut(text: str) -> list[str]:
    return [sentence.text for sentence in segment(Article("a", text))]


def headings(text: str) -> list[str]:
    return [sentence.text for sentence in segment(Article("a", text)) if sentence.is_heading]


def outside(text: str, sentences: Sequence[Sentence]) -> str:
    """The text with everything that lies in a sentence blanked out."""
    chars = list(text)
    for sentence in sentences:
        chars[sentence.start : sentence.end] = "\0" * (sentence.end - sentence.start)
    return "".join(chars)


class TestAnyText:
    @given(TEXTS)
    def test_offsets_point_at_the_text(self, text: str) -> None:
        for sentence in segment(Article("a", text)):
            assert text[sentence.start : sentence.end] == sentence.text
            assert sentence.text == sentence.text.strip() != ""

    @given(TEXTS)
    def test_sentences_come_in_order_and_do_not_overlap(self, text: str) -> None:
        sentences = segment(Article("a", text))
        ends = [0, *(sentence.end for sentence in sentences)]
        assert all(end <= sentence.start for end, sentence in zip(ends, sentences, strict=False))
        assert [sentence.position for sentence in sentences] == list(range(len(sentences)))

    @given(TEXTS)
    def test_nothing_but_marks_is_left_out(self, text: str) -> None:
        for line in outside(text, segment(Article("a", text))).split("\n"):
            if "\0" not in line:
                assert not line.strip() or BARE_LINE.fullmatch(line)
            else:
                assert not line.replace("\0", "").strip(MARKS + " ").translate(dict.fromkeys(map(ord, MARKS))).strip()

    @given(TEXTS)
    def test_ids_are_unique_and_hash_the_text(self, text: str) -> None:
        sentences = segment(Article("a", text))
        assert len({sentence.id for sentence in sentences}) == len(sentences)
        assert all(re.fullmatch(r"a:[0-9a-f]{10}(-\d+)?", sentence.id) for sentence in sentences)

    @given(TEXTS)
    def test_previous_and_heading_are_what_stands_above(self, text: str) -> None:
        previous = heading = ""
        for sentence in segment(Article("a", text)):
            assert sentence.previous == previous
            assert sentence.heading == ("" if sentence.is_heading else heading)
            previous = sentence.text
            heading = sentence.text if sentence.is_heading else heading

    @given(TEXTS)
    def test_no_sentence_grows_without_bound(self, text: str) -> None:
        assert all(len(sentence.text) <= MAX_LENGTH for sentence in segment(Article("a", text * 8)))

    @pytest.mark.parametrize("text", ["", " \n\n ", "---\n***\n•", "\ud800. A", "J.\x85\u0301. The. A.\u200b B"])
    def test_hostile_text_is_survived(self, text: str) -> None:
        assert all(text[sentence.start : sentence.end] == sentence.text for sentence in segment(Article("a", text)))


def test_repeated_text_is_numbered() -> None:
    first, second, third = segment(Article("x", "No deal. No deal. No deal."))
    assert (second.id, third.id) == (f"{first.id}-2", f"{first.id}-3")
    assert first.id == "x:" + "450abc8ee1"


WHOLE = {
    "dateline with a full stop": "OSLO, Jan. 23: Two ministers met.",
    "dateline of an agency": "NEW DELHI (Agency) — Talks began.",
    "dateline with a dotted place": "WASHINGTON, D.C. - The envoy left.",
    "dateline of an American town": "DULUTH, Minn. - The board met on Thursday to count.",
    "initial without a stop": "Officials quoted Mira V Santhanam as pleased.",
    "initials": "A. K. Rao met J. Smith and R.K. Nair.",
    "bill number": "The bill, S. 744, is law.",
    "ranks": "Lt. Gen. Arun Vohra, Adm. Ana Ruiz, Col. Ito and Prof. Lee spoke.",
    "elected people": "Sen. Ames, Rep. Bell and Gov. Cox met Ms. Dunn, Mr. Eads and Dr. Fox.",
    "rupees": "It costs Rs. 500 crore.",
    "references": "Under Sec. 301, Art. 5 and No. 14 of Nos. 5 and 6, duties fall.",
    "companies": "Acme Inc. Chairman Vik Rao and Zed Pvt. Ltd. Director Mia Ek signed.",
    "abbreviations of no list here": "Adv. Rao met the Fed. Reserve.",
    "latin": "Grains, e.g. Wheat, i.e. Durum, count approx. Ten times.",
    "month": "It ends on Sept. 30 or in Oct. 2024.",
    "time": "They met at 5.30 p.m. on Friday and 9 a.m. Monday.",
    "time with a space": "They met at 5. 30 on Friday.",
    "per cent before a small letter": "It fell by 5 per cent. of the total.",
    "U.S. before a name": "The U.S. Trade Representative told the U.S. Senate and the U.S. India Council.",
    "U.S. of a compound": "An India-U.S. Trade Forum was held.",
    "U.S. without a space": "The U.S.India pact holds.",
    "dateline of an unknown town": "SHILLONG, Megh. - The board met on Thursday.",
    "nothing but marks at the end": "It is over now, and all of them were told to go home at once. *",
    "decimals": "It rose 1.75 to 3.2 percent.",
    "ellipsis": "We waited ... and waited… for rain.",
    "ellipsis before a name": "A list of ... Indian mangoes.",
    "address": "Write to Desk@news.The end or see https://a.example.The page now.",
    "rupees without a space": "It costs Rs.500 and is No.14.",
    "quotation with a comma": "“We will not sign,” he said.",
    "question with a tag": '"Will they sign?" he asked.',
    "question with a name": "“Will they sign?” Minister Lind asked reporters.",
    "full stop before a tag": "“We will lead.” Director Kim said.",
    "exclamation in a name": "The firm Yahoo! said so.",
    "numbered paragraph": "3. Both sides welcomed the plan.",
    "lettered paragraph": "(a) Both sides welcomed the plan.",
    "table row": "Wheat\t1.2 mln. Tons\t340",
    "brand": "LinkedIn said it would close its office.",
    "closing bracket": "He left (see Sec. 4.).",
}

SPLIT = {
    "plain": ["He left.", "She stayed."],
    "U.S. at an end": ["It fell in the U.S.", "The minister said so."],
    "U.S. before a country": ["It fell in the U.S.", "India has gained."],
    "U.S. before a possessive": ["It fell in the U.S.", "India’s share rose."],
    "U.S. in brackets": ["He lives abroad (in the U.S.).", "She does not."],
    "p.m. at an end": ["It began at 5 p.m.", "Officials left early."],
    "company at an end": ["He leads Acme Ltd.", "The firm is new."],
    "no as a word": ["He said no.", "Ministers left."],
    "short name at an end": ["They sold it to Peru.", "Farmers were glad."],
    "short name after brackets": ["(a) Yes, Sir.", "Tariffs on ‘peas’ rose."],
    "in brackets": ["(It came from Ye.)", "Near it was a rack."],
    "two in a quotation": ["“We will sign.", "It is done,” he said."],
    "closing quote": ["“It is done.”", "Markets rose."],
    "question then new speaker": ["“Will they sign?”", "He did not say."],
    "year at an end": ["It began in 2024.", "38 firms joined."],
    "al- at a start": ["They fled.", "al-Noor was named."],
    "ellipsis at an end": ["We waited...", "The rain came."],
    "a speaker without a quotation": ["It rose.", "Minister Lind said."],
    "footnote": ["It holds.[1]", "Exports rose."],
    "other script": ["协议已签署。", "双方满意。"],
}

GLUED = {
    "full stop": ("the larger accord.The text is out.", ["the larger accord.", "The text is out."]),
    "said": ("“No,” she said.He left.", ["“No,” she said.", "He left."]),
    "closing quote": ("It is “progress”.Thus, all is well.", ["It is “progress”.", "Thus, all is well."]),
    "question": ("Is it done?We think so.", ["Is it done?", "We think so."]),
    "percent": ("It fell by 5%.The text is out.", ["It fell by 5%.", "The text is out."]),
    "either or": ("It buys oil/gas.Traders are glad.", ["It buys oil/gas.", "Traders are glad."]),
    "name": ("They met in Kenya.The talks held.", ["They met in Kenya.", "The talks held."]),
    "bullets in a line": (
        "Partners include the following new funds: Fund one helps all. - The Corps sends help.",
        ["Partners include the following new funds: Fund one helps all.", "The Corps sends help."],
    ),
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
def test_is_one_sentence(text: str) -> None:
    assert cut(f"So it was.\n{text}\nSo it is.") == ["So it was.", text, "So it is."]


@pytest.mark.parametrize("parts", SPLIT.values(), ids=SPLIT)
def test_is_cut_in_two(parts: list[str]) -> None:
    assert cut(" ".join(parts)) == parts


@pytest.mark.parametrize(("text", "parts"), GLUED.values(), ids=GLUED)
def test_a_missing_space_is_seen(text: str, parts: list[str]) -> None:
    assert cut(text) == parts


PROSE = "The two sides met on Monday and agreed on most of the text."


@pytest.mark.parametrize(
    "line",
    [
        "Agricultural Purchases",
        "Slow start, quick finish",
        "1. Rivalry at Sea & the Southern Question",
        "What Next? The Longer View",
        "Who Gains From It in the U.K.?",
        "Gains for the U.S.",
        "What went wrong?",
        "Trade and Investment:",
        "GOODS AND SERVICES",
        "Pillar I. Partnership for Security",
    ],
)
def test_headings_are_known_by_their_shape(line: str) -> None:
    sentences = segment(Article("a", f"{PROSE}\n{line}\n{PROSE}\n- one thing"))
    assert [(s.text, s.is_heading) for s in sentences][1] == (line, True)
    assert [s.heading for s in sentences] == ["", "", line, line]


@pytest.mark.parametrize(
    "line",
    [
        "Main points include:",
        "Below, we’ll ask:",
        "He lives in the U.S.",
        "They agreed on all.",
        "But they said that their part in the trade would be small",
        "By Ann Writer",
        "Photograph: Ann Writer/AP",
        "18 November 2022",
        "A port in Norway in 2010. (Ann Writer/Reuters)",
        "“It is a start”",
        "Q: And goods?",
        "Home | News | Trade",
        "Wheat 120 340 55",
    ],
)
def test_other_short_lines_are_no_headings(line: str) -> None:
    assert headings(f"{PROSE}\n{line}\n{PROSE}") == []


def test_a_heading_needs_something_under_it() -> None:
    assert headings(f"{PROSE}\nNew Delhi\n18 November 2022") == []
    assert headings(f"{PROSE}\nNew Delhi") == []


def test_section_and_subsection_are_both_headings_but_a_list_is_none() -> None:
    assert headings(f"Recent Talks\nTrade and Energy\n{PROSE}") == ["Recent Talks", "Trade and Energy"]
    assert headings(f"Wheat\nRice\nMaize\n{PROSE}") == []
    assert headings(f"1. Wheat\n2. Rice\n{PROSE}") == []


def test_markdown_headings_lose_their_marks() -> None:
    assert headings(f"# Trade\n\n### Energy and Gas ###\n\n**Defence**\n\n{PROSE}") == [
        "Trade",
        "Energy and Gas",
        "Defence",
    ]
    assert cut("**The ministers met in Oslo on Friday.**") == ["The ministers met in Oslo on Friday."]


def test_bullets_are_sentences_without_their_marker() -> None:
    text = (
        "Aims\n- Open markets\n• Cheaper gas\n* Safer seas\n-\nCheaper Parts: A pact could help\n–\nJobs\nThus we end."
    )
    sentences = segment(Article("a", text))
    expected = ["Aims", "Open markets", "Cheaper gas", "Safer seas", "Cheaper Parts: A pact could help", "Jobs"]
    assert [s.text for s in sentences] == [*expected, "Thus we end."]
    assert [s.text for s in sentences if s.is_heading] == ["Aims"]


def test_an_item_of_two_sentences_is_cut_and_a_rule_makes_no_item() -> None:
    assert cut("- Open markets. They help.\n") == ["Open markets.", "They help."]
    assert headings(f"{PROSE}\n---\nBackground\n{PROSE}") == ["Background"]


def test_hard_wrapped_lines_are_joined() -> None:
    text = (
        "The committee said on Tuesday that it had asked the members of\n"
        "Parliament for more time, since the higher duties that Mr.\n"
        "Lindqvist proposed would come into force in the spring of the\n"
        "next year. Exporters want a delay.\n"
        "\n"
        "Cocoa fell."
    )
    first, second, third = cut(text)
    assert first.endswith("next year.") and first.count("\n") == 3
    assert (second, third) == ("Exporters want a delay.", "Cocoa fell.")


def test_long_lines_and_lists_are_not_joined() -> None:
    long = (
        "The committee, which had met for nine hours without a pause, said that it would meet again on Friday at noon"
    )
    assert cut(f"{long}\nParliament rose") == [long, "Parliament rose"]
    assert cut("wheat\nrice\nmaize") == ["wheat", "rice", "maize"]
    headlines = [
        "Exporters of shrimp and rice ask for a longer delay of the new duties",
        "Refineries turn to crude from Guyana as the price of Urals oil climbs",
        "Parliament of Norway votes for a fund to store gas below the seabed",
    ]
    assert cut("\n".join(headlines)) == headlines
    assert cut("A sentence that ends here, as one can see.\nadvertisement") == [
        "A sentence that ends here, as one can see.",
        "advertisement",
    ]


def test_a_dateline_on_its_own_line_stays_with_the_text() -> None:
    assert cut("OSLO, March 4 -\n\nTwo ministers met. They left.") == [
        "OSLO, March 4 -\n\nTwo ministers met.",
        "They left.",
    ]


def test_a_heading_glued_to_a_sentence_is_split_off() -> None:
    sentences = segment(Article("a", "Fact SheetToday, the envoys met. RemarksThe end."))
    assert [(s.text, s.is_heading) for s in sentences] == [
        ("Fact Sheet", True),
        ("Today, the envoys met.", False),
        ("RemarksThe end.", False),
    ]
    assert cut("RemarksThe President said so.") == ["Remarks", "The President said so."]


def test_endless_sentences_are_cut_at_semicolons_or_spaces() -> None:
    at_semicolons = cut("; ".join(["a clause of some length"] * 100))
    assert all(piece.endswith(";") for piece in at_semicolons[:-1]) and len(at_semicolons) > 1
    assert max(map(len, cut("word " * 2000))) <= 1000
    assert "".join(cut("x" * 4000)) == "x" * 4000


def test_is_fast_and_linear() -> None:
    paragraph = (
        "Lt. Gen. A. Rao met envoys in the U.S. The talks went well. “Will it last?” he asked. Peru. Farmers won. "
    )
    started = time.perf_counter()
    count = len(segment(Article("a", (paragraph * 5 + "\n") * 200)))
    assert count / (time.perf_counter() - started) > 2_500  # a quarter of what one idle core does


HOSTILE = ["? ", "a. ", ". ", "“", "- ", "J. ", "A ", "\n-", "U.S. ", "x@y.Z", "The.A ", "…", "!", "."]


@pytest.mark.parametrize("text", [*(unit * (200_000 // len(unit)) for unit in HOSTILE), f"# a{' ' * 200_000}b"])
def test_hostile_repetition_takes_no_time(text: str) -> None:
    started = time.process_time()
    segment(Article("a", text))
    assert time.process_time() - started < 10

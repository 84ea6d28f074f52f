"""Decoding: common encodings, other scripts, stray bytes, binary; what repair changes and what it leaves."""

from __future__ import annotations

import pytest

from pipeline.text.decoding import decode, repair

TEXT = "Two ministers signed the accord “in good faith” at the café, for €5."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
@pytest.mark.parametrize("text", [TEXT, "“Yes”", "It’s over", "naïve façade – 5 €"])
def test_common_encodings(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Министр сказал, что соглашение будет подписано в понедельник, сообщили журналистам."),
        ("shift_jis", "日本と米国は貿易協定に署名した。首相は会見で述べた。"),
        ("gb18030", "中国和美国签署了贸易协定，双方表示满意。"),
    ],
)
def test_other_scripts(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_stray_byte_leaves_the_rest_alone() -> None:
    assert decode("“Ça” – “là”".encode() + b"\xff") == "“Ça” – “là”\ufffd"


@pytest.mark.parametrize("data", [b"a\0b", bytes(range(1, 256)) * 3])
def test_binary_raises(data: bytes) -> None:
    with pytest.raises(ValueError, match="binary"):
        decode(data)


def test_repair() -> None:
    broken = "The â€œdealâ€\x9d is ﬁne\r\nand “kept”\rＡ &amp; 10³\x07\x0b\u2028end\x0cpage \ud800"
    assert repair(broken) == "The “deal” is ﬁne\nand “kept”\nＡ &amp; 10³\nend\npage \ufffd"

"""Any bytes can be read and come back; marks, encodings and line ends are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt.captions.encoding import decode
from anima_prompt.errors import InputError

hostile = st.lists(
    st.sampled_from([b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0", b"\r\n", b"\r", b"\n", b"a, b", b"\xc3\xa9", b"\xe9",
                     "ü, ё".encode("utf-16-le"), "1girl".encode("utf-16-be"), b"\xed\xa0\x80", b"\xff"]),
    max_size=8,
).map(b"".join)  # fmt: skip


@given(st.one_of(st.binary(max_size=40), hostile))
def test_any_bytes_come_back(data: bytes) -> None:
    decoded = decode(data)
    assert decoded.encode(decoded.text) == data


@pytest.mark.parametrize(
    ("data", "text", "encoding", "is_guessed"),
    [
        (b"1girl", "1girl", "utf-8", False),
        (b"\xef\xbb\xbfcaf\xc3\xa9", "café", "utf-8", False),
        ("\ufeff1girl".encode("utf-16-le"), "1girl", "utf-16-le", False),
        ("\ufeff女の子".encode("utf-16-be"), "女の子", "utf-16-be", False),
        ("1girl, smile".encode("utf-16-le"), "1girl, smile", "utf-16-le", False),
        ("\ufeff1girl".encode("utf-32-le"), "1girl", "utf-32-le", False),
        (b"caf\xe9", "café", "latin-1", True),
        (b"1girl\0, smile", "1girl\0, smile", "utf-8", False),
    ],
)
def test_encodings_are_recognized(data: bytes, text: str, encoding: str, is_guessed: bool) -> None:
    decoded = decode(data)
    assert (decoded.text, decoded.encoding, decoded.is_guessed) == (text, encoding, is_guessed)


def test_a_named_encoding_reads_what_is_not_utf8() -> None:
    decoded = decode("女の子".encode("cp932"), encoding="cp932")
    assert (decoded.text, decoded.is_guessed) == ("女の子", True)


def test_a_letter_that_the_encoding_lacks_is_an_error() -> None:
    decoded = decode(b"caf\xe9")
    with pytest.raises(InputError, match=r"a\.txt: the file's encoding latin-1 has no '女'"):
        decoded.encode("女", "a.txt")


@pytest.mark.parametrize(
    ("text", "end"), [("a\r\nb\r\nc\n", "\r\n"), ("a\rb", "\r"), ("a\nb\nc\r\n", "\n"), ("a", "\n")]
)
def test_the_line_end_is_that_of_most_lines(text: str, end: str) -> None:
    assert decode(text.encode()).line_end == end

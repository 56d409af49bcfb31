"""JSON as clients write it: half an emoji is mended, and nothing else is changed."""

import orjson
import pytest

from app.models.wire import from_json


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\uDE00"', "\ufffd"),
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"\ud83d\ud83d\ude00\ude00"', "\ufffd😀\ufffd"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (rb'"\ud83d \\ud83d"', "\ufffd \\ud83d"),
        (rb'"\\\ud83d\\\\ud83d"', "\\\ufffd\\\\ud83d"),
        (rb'"\ud83d\n\"\\\u00e9"', '\ufffd\n"\\é'),
        ('"é\\ud83d😀"'.encode(), "é\ufffd😀"),
    ],
)
def test_half_an_emoji_is_read_as_a_sign_that_something_is_missing(written: bytes, read: str) -> None:
    assert from_json(written) == read
    assert from_json(written.decode()) == read


@pytest.mark.parametrize("written", [rb'"\ud83d', rb'"\ud83"', b"NaN", b"", rb'"\ud83d"x', b'"\xff"'])
def test_what_is_no_json_is_still_none(written: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        from_json(written)

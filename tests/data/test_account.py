import pytest

from ddspcore.data.account import in_words
from ddspcore.data.fates import DataError, Fate

KEPT = Fate("a.wav", "kept", kept_seconds=3.0)
CUT = Fate("b.wav", "kept", "cut short", kept_seconds=2.0, dropped_seconds=1.5)
SHORT = Fate("c.wav", "dropped", "too short", dropped_seconds=0.1)
TEXT = Fate("d.wav", "dropped", "not audio")
NOTES = Fate("notes.txt", "ignored", "not audio")


def split(by="file", reason=""):
    train, val = {"seconds": 4.0, "chunks": 7}, {"seconds": 1.0, "chunks": 1}
    return {"by": by, "reason": reason, "train": train, "val": val, "variants": 1}


def test_what_is_lost_is_said_file_by_file_and_what_is_well_is_not():
    assert in_words([KEPT, CUT, SHORT, TEXT, NOTES], split()) == [
        "2 files used: 4.0 s in 7 chunks to train on; 1.0 s in 1 chunk held out, by file",
        "b.wav: kept 2.00 s, dropped 1.50 s: cut short",
        "c.wav: dropped 0.10 s: too short",
        "d.wav: dropped: not audio",
    ]


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("name", "held out, by name"),
        ("time", "held out, from the end"),
        ("none", "nothing held out: because"),
    ],
)
def test_how_something_is_held_out_is_said(by, words):
    assert in_words([KEPT], split(by, "because"))[0].endswith(words)


def test_an_error_lists_the_fates_of_what_claimed_to_be_audio():
    assert str(DataError("nothing", [TEXT, NOTES])) == "nothing\n  d.wav: dropped: not audio"

"""What a source of files reports: every fate, the split, and all of it in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ddspcore.data.fates import Fate


def in_words(fates: Sequence[Fate], split: Mapping[str, Any]) -> list[str]:
    """Say how much is trained on and held out, then what is lost of which file, and why."""
    used = sum(fate.state == "kept" for fate in fates)
    train, val = split["train"], split["val"]
    held_out = {
        "file": f"{_amount(val)} held out, by file",
        "name": f"{_amount(val)} held out, by name",
        "time": f"{_amount(val)} held out, from the end",
        "none": f"nothing held out: {split['reason']}",
    }[split["by"]]
    times = f", each in {split['variants']} variants," if split["variants"] > 1 else ""
    sentence = f"{_count(used, 'file')} used: {_amount(train)}{times} to train on; {held_out}"
    return [sentence, *_losses(fates)]


def _losses(fates: Sequence[Fate]) -> Iterator[str]:
    return (str(fate) for fate in fates if fate.why and fate.state != "ignored")


def _amount(side: Mapping[str, Any]) -> str:
    return f"{side['seconds']:.1f} s in {_count(side['chunks'], 'chunk')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

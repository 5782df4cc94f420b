"""docs/plugin-tutorial.md, followed from an empty folder: every block is written, changed or run.

A block that begins with a comment naming a file is that file, or what changes in it; an indented
line is a command; a text block is what the command before it prints.
"""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.place import Place, run

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[1] / "docs" / "plugin-tutorial.md"
VIOLIN = PAGE.parents[1] / "recipes" / "audio" / "violin" / "violin.flac"
# Enough to see that it trains. The whole of it is for whoever reads the page.
SHORT = [
    *("device=cpu", "metric.items=1", "data.root=short.wav", "data.chunk=0.256"),
    *("stage.A.steps=2", "stage.B.steps=1", "stage.C.steps=1", "evaluator=[]"),
]
NO_NETWORK = {"wheel": "--no-index --no-build-isolation", "install": "--no-index"}


def blocks() -> Iterator[Token]:
    tokens = MarkdownIt().parse(PAGE.read_text(encoding="utf-8"))
    yield from (token for token in tokens if token.type in ("fence", "code_block"))


class Reader:
    """Somebody who does in a fresh environment what the page says, line by line."""

    def __init__(self, place: Place):
        self.place = place
        self.printed = ""
        sound, rate = soundfile.read(VIOLIN, stop=2 * 44_100)
        soundfile.write(place.desk / "short.wav", sound, rate)

    def do(self, block: Token) -> None:
        """Follow one block; AssertionError if it does not work."""
        if block.type == "code_block":
            for line in block.content.splitlines():
                self.printed = self._command(*shlex.split(line))
        elif block.info == "text":
            assert block.content == self.printed
        else:
            first, _, text = block.content.partition("\n")
            assert first.startswith("# "), f"which file is this? {first}"
            file = self.place.desk / first.removeprefix("# ")
            if block.info == "diff":
                text = _changed(file.read_text(encoding="utf-8"), text)
            file.write_text(text, encoding="utf-8")

    def _command(self, program: str, *words: str) -> str:
        if program == "ddsp":
            sets = SHORT if words[0] == "run" else ()
            return self.place.ddsp(
                *words, *(word for each in sets for word in ("--set", each))
            ).stdout
        if program == "pytest":
            options = ("-q", "-p", "no:xdist", "-p", "no:cacheprovider")
            return self.place.run("python", "-m", "pytest", *options, *words).stdout
        assert program == "pip"
        pip = (sys.executable, "-m", "pip", "--python", self.place.bin / "python", "--quiet")
        given = (words[0], *NO_NETWORK[words[0]].split(), *words[1:])
        return run(*pip, *given, cwd=self.place.desk).stdout


def _changed(text: str, diff: str) -> str:
    """Return a text in which each line with a minus is the one with a plus that follows it."""
    lines = diff.splitlines()
    for old, new in zip(lines[::2], lines[1::2], strict=True):
        assert (old[0], new[0]) == ("-", "+")
        assert text.count(f"{old[1:]}\n") == 1, old
        text = text.replace(f"{old[1:]}\n", f"{new[1:]}\n")
    return text


def test_a_reader_who_follows_the_page_ends_with_an_installed_plugin(wheel, tmp_path):
    reader = Reader(Place(tmp_path, wheel))
    followed = {"code_block": 0, "python": 0, "toml": 0, "diff": 0, "text": 0}
    for block in blocks():
        reader.do(block)
        followed[block.info or block.type] += 1
    assert all(followed.values())
    row = reader.place.plugins()["spectral-shape"]
    assert (row["version"], row["state"]) == ("0.1.0", "ok")
    assert row["provides"] == {"loss": ["spectral-shape"]}
    assert len(list((reader.place.desk / "runs").glob("*/summary.json"))) == 2


def test_the_first_result_takes_fifteen_lines_and_the_change_three():
    first = next(block for block in blocks() if block.info == "python")
    assert sum(bool(line.strip()) for line in first.content.splitlines()[1:]) <= 15
    change = next(block for block in blocks() if block.info == "diff")
    assert change.content.count("\n+") == 3

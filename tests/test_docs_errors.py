"""docs/errors.md: every message that it explains is one that a test has seen."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "errors.md"
SAID = re.findall(r"^\| `(.+?)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def seen() -> str:
    """Return the golden messages, and the tests that spell theirs out."""
    files = [*TESTS.rglob("golden/*.txt"), *TESTS.rglob("test_*.py")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file != Path(__file__))


@pytest.mark.parametrize("message", SAID)
def test_a_message_is_what_the_program_says(seen, message):
    assert message in seen

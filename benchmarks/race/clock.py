"""CPU time that was used up when a checkpoint was written, line by line in a file."""

import json
import time
from pathlib import Path

from attrs import define

CLOCK, PREPARED = "clock.jsonl", "prepared"
"""The file, and the line that says when the first step could begin."""


@define
class Clock:
    """Seconds of CPU that this process has used, without those that the race itself took."""

    file: Path
    paused: float = 0.0

    def now(self) -> float:
        """Return the seconds so far, from the start of the process."""
        return time.process_time() - self.paused

    def note(self, checkpoint: str) -> None:
        """Write down when a checkpoint was reached."""
        line = {"checkpoint": checkpoint, "cpu_s": round(self.now(), 3)}
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def times(file: Path) -> dict[str, float]:
    """Return when each checkpoint was reached; the last time where there are several."""
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {line["checkpoint"]: line["cpu_s"] for line in lines}

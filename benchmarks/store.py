"""Measurements on disk, one JSON object a line, each written as soon as it is there."""

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Store:
    """The measurements of one machine and setup; others start the file anew."""

    def __init__(self, path: Path, machine: Record):
        """Continue a file that was written for the same machine, or keep it aside as `.old`."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        before = read(path) if path.exists() else []
        if before and before[0]["machine"] != machine:
            path.rename(path.with_suffix(".old"))
            before = []
        self.known = {record["key"] for record in before[1:]}
        path.write_text("")
        for record in before or [{"machine": machine}]:
            self._write(record)

    def add(self, record: Record) -> None:
        """Write a measurement."""
        self._write(record)
        self.known.add(record["key"])

    def _write(self, record: Record) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def read(path: Path) -> list[Record]:
    """Return the machine and then the measurements; a last line that was cut short is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records

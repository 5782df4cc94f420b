"""Measurements as a page: tables between markers, so that what people wrote around them stays."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import goals, parts, pictures, plan
from benchmarks.setup import NATIVE, PLAIN
from benchmarks.store import Record, read
from benchmarks.timing import ratio

DOCS = Path("docs")
PAGE = "performance.md"
DEVICES = ("cpu", "cuda")
CAPTIONS = {
    "pieces": "Time of every piece, forward and back, at 16 x 64000 samples",
    "growth": "Time against batch, length, harmonics and sample rate; 2 clips of 16384 samples",
    "step": "Time of every part of a training step, forward and back, and its share",
}
OURS = (PLAIN, NATIVE)
UNITS = {plan.SECONDS: ("ms", 1e3), plan.BYTES: ("MB", 1e-6)}


def write(out: Path, docs: Path) -> None:
    """Fill the page's regions and draw its pictures from what was measured so far."""
    measured = {device: out / f"{device}.jsonl" for device in DEVICES}
    sessions = {device: read(path) for device, path in measured.items() if path.exists()}
    page = docs / PAGE
    text = page.read_text(encoding="utf-8")
    records = {d: {r["key"]: r for r in session[1:]} for d, session in sessions.items()}
    text = fill(text, "goals", goals_table(records))
    for device in DEVICES:
        if device in sessions:
            drawn = pictures.draw(records[device], docs / "images", device)
            text = fill(text, device, device_section(sessions[device], drawn))
    page.write_text(text, encoding="utf-8")


def fill(text: str, region: str, content: str) -> str:
    """Replace what stands between a region's markers; ValueError if they are not there."""
    begin, end = f"<!-- {region} -->", f"<!-- end of {region} -->"
    pattern = re.compile(f"({re.escape(begin)}\n).*({re.escape(end)})", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the page has no region {begin} ... {end}")
    return pattern.sub(lambda match: f"{match[1]}\n{content}\n\n{match[2]}", text)


def goals_table(records: Mapping[str, goals.Records]) -> str:
    """Return what was reached beside what was set out for."""
    head = ["", "CPU, plain torch", "CPU, native", "CUDA"]
    return markdown(head, goals.table(records))


def device_section(session: Sequence[Record], drawn: Sequence[str]) -> str:
    """Return everything that was measured on a device."""
    machine, records = session[0]["machine"], session[1:]
    blocks = [machine_lines(machine, records)]
    blocks += [f"![{CAPTIONS[name.partition('-')[0]]}](images/{name})" for name in drawn]
    for subject in dict.fromkeys(r["subject"] for r in records if "subject" in r):
        if not subject.startswith("growth"):
            same = [r for r in records if r.get("subject") == subject]
            blocks.append(f"### {subject.capitalize()}\n\n{subject_table(subject, same)}")
    return "\n\n".join(blocks)


def machine_lines(machine: Mapping[str, Any], records: Sequence[Record]) -> str:
    """Say what was measured on, with what, against which commits, and by which command."""
    loads = [r["load"] for r in records]
    limits = next((r for r in records if r["key"] == "limits"), {})
    versions = ", ".join(f"{name} {commit}" for name, commit in machine["peers"].items())
    words = ["--device", machine["device"], "--threads", str(machine["threads"])]
    words += ["--rounds", str(machine["rounds"])]
    lines = [
        f"- {machine['device name']}, {machine['cores']} cores, threads: {machine['threads']}; "
        f"torch {machine['torch']}, Python {machine['python']}, {machine['platform']}",
        f"- ddspcore {machine['ddspcore']}; {machine['kernels']}",
        f"- peers: {versions}",
        f"- load average: {max(loads):.1f} at most, {loads[0]:.1f} at the start"
        if loads
        else "- nothing measured",
        f"- malloc: {machine['malloc'] or 'as the system has it'}",
        f"- medians of {machine['rounds']} rounds, by "
        f"`python -m benchmarks --peers DIR --tensorflow PYTHON {shlex.join(words)}`",
    ]
    if limits:
        lines.append(
            f"- limits: {limits['fma/s'] / 1e9:.3g} G multiply-adds and "
            f"{limits['bytes/s'] / 1e9:.3g} GB a second"
        )
    return "\n".join(lines)


def subject_table(subject: str, records: Sequence[Record]) -> str:
    """Return a table of one subject."""
    if subject == parts.SUBJECT:
        return "\n\n".join(parts_table(record) for record in records)
    rows: list[list[str]] = []
    notes: dict[str, str] = {}
    peers = list(dict.fromkeys(n for r in records for n in r["results"] if not is_ours(n)))
    for record in records:
        for suffix in suffixes(record):
            same_work = any(record["work"] == r["work"] for r in records[: records.index(record)])
            work = "" if same_work or suffix != suffixes(record)[0] else record["work"]
            rows.append([work, *row(record, suffix, peers)])
        for name, result in record["results"].items():
            said = [result["note"]] if "note" in result else []
            said += ["in a process of its own"] if "own process" in result else []
            if said:
                notes[name] = "; ".join(said)
    unit = UNITS.get(records[0]["unit"], (records[0]["unit"], 1.0))[0]
    head = ["", "", *(f"{name}, {unit}" for name in OURS), *(f"{name}, {unit}" for name in peers)]
    listed = [f"{name}: {note}." for name, note in notes.items()]
    return "\n\n".join([markdown(head, rows), *listed])


def suffixes(record: Record) -> list[str]:
    """Return the variants of ours: "native, target cached" has the suffix ", target cached"."""
    ours = (name for name in record["results"] if is_ours(name))
    found = dict.fromkeys(re.sub(f"^({PLAIN}|{NATIVE}|ours)", "", name) for name in ours)
    return list(found) or [""]


def is_ours(name: str) -> bool:
    """Say whether a contender is ours."""
    return name.startswith((*OURS, "ours"))


def row(record: Record, suffix: str, peers: Iterable[str]) -> list[str]:
    """Return a line of a subject's table: ours, then peers with their ratios to each of ours."""
    results = record["results"]
    ours = [results.get(name + suffix, results.get("ours", {})) for name in OURS]
    label = record["size"] + suffix
    cells = [number(record, each) for each in ours]
    return [label, *cells, *(peer_cell(record, results.get(peer, {}), ours) for peer in peers)]


def peer_cell(record: Record, peer: Mapping[str, Any], ours: Iterable[Mapping[str, Any]]) -> str:
    """Return a peer's number and, in parentheses, its ratio to each of ours."""
    shown = number(record, peer)
    if not peer or "absent" in peer or record["unit"] not in UNITS:
        return shown
    if not goals.same_work(peer):
        return f"{shown}; another result: {peer['difference']:.2g} of the tolerance"
    ratios = [f"{figures(_ratio(peer, each))}x" for each in ours if each and "absent" not in each]
    return f"{shown} ({' / '.join(ratios)})" if ratios else shown


def _ratio(peer: Mapping[str, Any], ours: Mapping[str, Any]) -> float:
    if "seconds" in peer:
        return ratio(peer["seconds"], ours["seconds"])
    return float(peer["value"] / ours["value"])


def number(record: Record, result: Mapping[str, Any]) -> str:
    """Return a contender's number in the table's unit."""
    if not result or "absent" in result:
        return str(result.get("absent", "-"))
    _, factor = UNITS.get(record["unit"], ("", 1.0))
    value = median(result["seconds"]) if "seconds" in result else result["value"]
    shown = figures(value * factor)
    if result.get("threads") == 1:
        shown += " on 1"
    if "p99" in result:
        late, times = figures(result["p99"] * factor), figures(result["real time"])
        shown += f", p99 {late}: {times}x real time"
    return shown


def figures(value: float) -> str:
    """Return three significant figures, without an exponent where that is readable."""
    shown = f"{value:.3g}"
    return f"{float(shown):.0f}" if "e+0" in shown else shown


def parts_table(record: Record) -> str:
    """Return the parts of a step, a row for every model."""
    models = pictures.parts_by_model(record)
    names = list(dict.fromkeys(part for times in models.values() for part in times))
    rows = [
        [
            model,
            *(figures(1e3 * times[name]) if name in times else "-" for name in names),
            f"{100.0 * times[parts.NETWORK] / sum(times.values()):.0f} %",
        ]
        for model, times in models.items()
    ]
    title = f"{record['work']}, {record['size']}; ms"
    return markdown([title, *names, "network's share"], rows)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

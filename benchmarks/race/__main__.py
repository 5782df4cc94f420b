"""`python -m benchmarks.race DATA --peers FOLDER --seconds N`: who sounds better, and how soon.

DATA is a recording or a folder of them. Everybody trains on the same part of it and is scored on
the same rest, by the same evaluators; time is CPU time with one thread. What was done before is
not done again.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import DDSP_PYTORCH, checkout
from benchmarks.race import page
from benchmarks.race.audio import divide
from benchmarks.race.entrants import Entrant, Ours, Peer, compete
from benchmarks.race.ours import lengthened
from benchmarks.race.scores import score
from benchmarks.report import DOCS

OUT = Path("build/race")


def parser() -> argparse.ArgumentParser:
    """Return what understands the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.race", description=__doc__)
    add = made.add_argument
    add("data", type=Path, metavar="DATA", help="a folder of audio files, or one file")
    add("--peers", type=Path, required=True, help="folder of checkouts: ddsp_pytorch")
    add("--seconds", type=float, default=900.0, help="CPU time of every entrant (900)")
    add("--length", type=float, default=1.0, help="how many times as long our stages are (1)")
    add("--batch", type=int, help="batch of the peer and of paper, if not their own, 16")
    add("--out", type=Path, default=OUT, help=f"where everything is kept ({OUT})")
    add("--docs", type=Path, default=DOCS, help=f"where the page and its picture are ({DOCS})")
    return made


def entrants(given: argparse.Namespace) -> dict[str, Entrant]:
    """Return who takes part, by the name of a folder; the peer last."""
    own = "" if given.length == 1 else f" x {given.length:g}"
    batch = "" if given.batch is None else f", batch {given.batch}"
    smaller = () if given.batch is None else (f"stage.A.batch={given.batch}",)
    return {
        f"best_low_loss{own}": Ours("best_low_loss", lengthened("best_low_loss", given.length)),
        f"paper{batch}": Ours("paper", smaller),
        f"{DDSP_PYTORCH.name}{batch}": Peer(
            checkout(given.peers.resolve(), DDSP_PYTORCH), given.batch
        ),
    }


def main(words: Sequence[str] | None = None) -> int:
    """Hold the race and write its page."""
    given = parser().parse_args(words)
    name, out = given.data.stem, given.out.resolve() / given.data.stem
    audio = divide(given.data, out / "audio")
    courses = {}
    for entrant, what in entrants(given).items():
        folder = out / entrant.replace(", ", "-").replace(" ", "-")
        compete(what, audio, folder, given.seconds)
        courses[entrant] = score(audio, folder, given.seconds)
    page.write(name, command(given), audio, courses, [*courses][-1], given.docs)
    return 0


def command(given: argparse.Namespace) -> str:
    """Return what holds this race again, but for where its folders are."""
    said = f"python -m benchmarks.race {given.data} --peers FOLDER --seconds {given.seconds:g}"
    said += "" if given.length == 1 else f" --length {given.length:g}"
    return said + ("" if given.batch is None else f" --batch {given.batch}")


if __name__ == "__main__":
    sys.exit(main())

"""Files that a run plays: recordings and scores, one or whole folders of them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from attrs import field, frozen

from ddspcore.data.audio import Samples, recognises
from ddspcore.data.files import find
from ddspcore.data.survey import Spread
from ddspcore.data.wav import wav_body, wav_head
from ddspcore.errors import UserError
from ddspcore.rendering.changing import Change
from ddspcore.rendering.hearing import Heard, audio_of, hear
from ddspcore.rendering.matching import NO_STATISTICS, find_match, statistics_of
from ddspcore.rendering.performing import play_score
from ddspcore.rendering.pieces import Pieces
from ddspcore.rendering.playing import play
from ddspcore.rendering.scores import SUFFIXES, choose_part, read_score
from ddspcore.rendering.style import Style
from ddspcore.train.checkpoint import write_chunks
from ddspcore.train.opening import OpenRun


@frozen
class Wish:
    """How to play: what to change, whether to match, and what a score leaves open."""

    change: Change = field(factory=Change)
    match_register: bool = True
    match_loudness: bool = True
    seed: int | None = None
    part: int | None = None
    style: Style = field(factory=Style)
    pieces: Pieces = field(factory=Pieces)


@frozen
class Played:
    """What was written, how long it is in samples, and what was done, in words and as values."""

    samples: int
    said: tuple[str, ...]
    done: dict[str, Any] = field(factory=dict)


def render_file(run: OpenRun, source: Path, out: Path, wish: Wish) -> Played:
    """Play a recording or a score, matched to the training and changed as wished; write a WAV.

    A score is a file that is named like MIDI. Raises UserError if it cannot be read or played, or
    `out` cannot be written; then `out` is as it was.
    """
    if out.exists() and out.samefile(source):
        raise UserError(f"{out}: would replace the file that is played; write to another one")
    trained = statistics_of(run.data)
    score = source.suffix.lower() in SUFFIXES
    if score:
        heard, said = _of_score(run, source, wish, trained)
    else:
        heard, recording = hear(run, source, wish.pieces)
        said = []
        if recording.damage:
            missing = f"{recording.missing_seconds:.2f} s are missing"
            said.append(f"warning: {recording.damage}, {missing}")
    matches = wish.match_register or (wish.match_loudness and not score)
    if matches and not trained:
        said.append(NO_STATISTICS)
    audio = audio_of(run)
    match = find_match(
        heard.features,
        run.features,
        trained,
        audio.sample_rate / audio.hop,
        register=wish.match_register,
        loudness=wish.match_loudness and not score,
    )
    said += match.in_words()
    features = wish.change.apply(match.apply(heard.features, run.features), run.features)
    _write(run, Heard(features, heard.samples), out, wish)
    done = {
        "seconds": heard.samples / audio.sample_rate,
        "match": match.to_json(),
        "transpose": wish.change.semitones,
        "f0_scale": wish.change.f0_scale,
        "loudness": wish.change.loudness_db,
    }
    return Played(heard.samples, tuple(said), done)


def _of_score(
    run: OpenRun, source: Path, wish: Wish, trained: dict[str, Spread]
) -> tuple[Heard, list[str]]:
    parts = read_score(source)
    part = choose_part(parts, wish.part, source)
    said = []
    if len(parts) > 1 and wish.part is None:
        others = ", ".join(str(each) for each in parts if each is not part)
        said.append(f"plays part {part}; --part chooses another: {others}")
    return play_score(run, part.notes, wish.style, trained), said


def _write(run: OpenRun, heard: Heard, out: Path, wish: Wish) -> None:
    rate = audio_of(run).sample_rate
    try:
        head = wav_head(heard.samples, rate)
    except ValueError as failure:
        raise UserError(f"{out}: {heard.samples / rate / 3600:.1f} hours: {failure}") from failure

    def chunks() -> Iterator[bytes]:
        yield head
        blocks: Iterable[Samples] = play(run, heard, wish.seed, wish.pieces)
        yield from map(wav_body, blocks)

    write_chunks(out, chunks())


def find_sources(given: Sequence[Path], out_dir: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    """Yield the files to play and the names of what is played, relative to `out_dir`.

    Of folders, what is audio or named like audio or MIDI, at its place in the folder, but for what
    lies in `out_dir`. Where two names would be one, the later has a number.
    """
    taken: set[str] = set()
    out_dir = out_dir.resolve()
    for path in given:
        for source, name in _below(path):
            if path.is_dir() and source.resolve().is_relative_to(out_dir):
                continue
            wanted = name.with_suffix(".wav")
            number = 2
            while str(wanted).lower() in taken:
                wanted = name.with_name(f"{name.stem}-{number}.wav")
                number += 1
            taken.add(str(wanted).lower())
            yield source, wanted


def _below(path: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    if not path.is_dir():
        yield path, PurePosixPath(path.name)
        return
    for file in find(path):
        wanted = file.claims_audio or file.path.suffix.lower() in SUFFIXES
        if wanted or (file.path.is_file() and recognises(file.path)):
            yield file.path, PurePosixPath(file.name)


def render_files(
    run: OpenRun, given: Sequence[Path], out_dir: Path, wish: Wish
) -> Iterator[dict[str, Any]]:
    """Play files and folders into a folder; yield a row for each file, also where it fails.

    A row has `source`, and `file` with what was done to it, or `why` it was not played.
    """
    for source, name in find_sources(given, out_dir):
        out = out_dir / name
        row: dict[str, Any] = {"source": _spelled(source)}
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            played = render_file(run, source, out, wish)
        except UserError as failure:
            yield row | {"why": _spelled(failure)}
        except OSError as failure:
            yield row | {"why": _spelled(f"{failure.filename or source}: {failure.strerror}")}
        except Exception as failure:
            failure.add_note(f"while playing {_spelled(source)}")
            raise
        else:
            yield row | {"file": str(name), "said": list(played.said), **played.done}


def _spelled(what: object) -> str:
    """Return a text that can be written, whatever bytes a file system takes for names."""
    return str(what).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

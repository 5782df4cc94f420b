"""What the measures mean: what is good, what will hurt training, and what to do about it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import asdict, frozen

SCANT_SECONDS = 60.0
MOSTLY_VOICED = 0.5
OUTSIDE = 0.01
JUMPS_A_MINUTE = 10.0
CLIPPED = 1e-4
DC = 0.01
SILENT = 0.4
NARROW_DB = 6.0
SECOND_VOICE = 0.08
"""Of six instruments and a voice, alone, at most 0.06 of the frames of any is called two voices;
of their 21 pairs, 1.7 s apart, at least 0.11 at equal level and 0.09 at 10 dB below. At 20 dB below
the second voice is not found, and at no level if it only ever plays unisons and octaves. Noise at
10 dB below changes nothing; a room of 2.5 s as loud as what it answers raises all of them above."""
NAMES = 3

Row = Mapping[str, Any]


@frozen
class Finding:
    """One thing about the data: whether it is good, what it is, and what to do if it is not."""

    good: bool
    text: str
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def judge(
    rows: Sequence[Row], f0_range: tuple[float, float] | None, sample_rate: int
) -> list[Finding]:
    """Judge the usable files of a report, whose rows have a `quality`; what hurts comes first."""
    findings = list(_of_levels(rows, sample_rate))
    if f0_range is not None and rows[0]["quality"]["voiced_seconds"] is not None:
        findings = [*_of_pitch(rows, f0_range), *findings]
    return sorted(findings, key=lambda finding: finding.good)


def _of_pitch(rows: Sequence[Row], f0_range: tuple[float, float]) -> Iterator[Finding]:
    voiced = sum(_quality(row, "voiced_seconds") for row in rows)
    if voiced < SCANT_SECONDS:
        more = "expect it to learn these by heart; a minute is little, ten are plenty"
        yield Finding(False, f"{voiced:.0f} s are voiced", more)
    else:
        yield Finding(True, f"{voiced:.0f} s are voiced")
    heard = sum(row["kept_seconds"] * (1 - _quality(row, "silent")) for row in rows)
    if voiced < MOSTLY_VOICED * heard:
        yield Finding(
            False,
            f"{voiced / max(heard, voiced, 1e-9):.0%} of what sounds has a pitch",
            "the harmonic part learns from nothing else; give it pitched notes",
        )
    low, high = f0_range
    found = [sum(row["quality"]["f0_notes"].values()) for row in rows]
    for key, bound, edge in (("f0_below", "f0_min", low), ("f0_above", "f0_max", high)):
        share = _mean(rows, key, found)
        if share > OUTSIDE:
            side = "below" if bound == "f0_min" else "above"
            where = _names([row for row in rows if _quality(row, key) > OUTSIDE])
            yield Finding(
                False,
                f"{share:.1%} of the voiced frames are {side} the synth's {edge:.0f} Hz",
                f"set {bound} of the pitch feature further out, or leave out {where}",
            )
    if all(_mean(rows, key, found) <= OUTSIDE for key in ("f0_below", "f0_above")):
        yield Finding(True, f"the pitch stays within the synth's {low:.0f} to {high:.0f} Hz")
    jumps = sum(_quality(row, "octave_jumps") for row in rows)
    rate = 60 * jumps / max(voiced, 1.0)
    if rate > JUMPS_A_MINUTE:
        yield Finding(
            False,
            f"the pitch jumps an octave {rate:.0f} times a voiced minute",
            "narrow f0_min and f0_max to the instrument, or raise the feature's jump_cost",
        )
    else:
        yield Finding(True, f"the pitch is steady: {jumps:.0f} octave jumps")
    several = [row for row in rows if _quality(row, "second_voice") > SECOND_VOICE]
    if several:
        yield Finding(
            False,
            f"more than one note at a time, or a long reverb, in {_names(several)}",
            "a synth with one pitch cannot play both; use dry recordings of one voice",
        )
    else:
        yield Finding(True, "one note at a time")


def _of_levels(rows: Sequence[Row], sample_rate: int) -> Iterator[Finding]:
    clipped = [r for r in rows if r["clipped"] > CLIPPED * r["sample_rate"] * r["kept_seconds"]]
    if clipped:
        what = f"clipped: {_names(clipped)}"
        yield Finding(False, what, "its partials are the converter's; record lower")
    else:
        yield Finding(True, "nothing is clipped")
    offset = [row for row in rows if abs(_quality(row, "dc")) > DC]
    if offset:
        what = f"a mean that is not 0 in {_names(offset)}"
        yield Finding(False, what, "no synth makes it; remove what is below 20 Hz")
    frames = [_quality(row, "frames") for row in rows]
    silent = _mean(rows, "silent", frames)
    if silent > SILENT:
        yield Finding(False, f"{silent:.0%} is silence", "steps are spent on nothing; trim it")
    narrow = _mean(rows, "loudness_range_db", frames)
    if narrow < NARROW_DB:
        yield Finding(
            False,
            f"the loudness moves by {narrow:.1f} dB",
            "it will not learn to play softer or louder; add dynamics",
        )
    else:
        yield Finding(True, f"the loudness moves by {narrow:.0f} dB")
    dull = [row for row in rows if row["sample_rate"] < sample_rate]
    if dull:
        what = f"recorded at a lower rate than it is trained at: {_names(dull)}"
        yield Finding(False, what, "there are no highs to learn; lower audio.sample_rate")


def _quality(row: Row, key: str) -> float:
    """Return a measure of a row; what has no value, for want of frames, counts as nothing."""
    return row["quality"][key] or 0.0


def _mean(rows: Sequence[Row], key: str, weights: Sequence[float]) -> float:
    weighted = (_quality(row, key) * w for row, w in zip(rows, weights, strict=True))
    return sum(weighted) / max(sum(weights), 1e-9)


def _names(rows: Sequence[Row]) -> str:
    names = ", ".join(row["name"] for row in rows[:NAMES])
    return f"{names} and {len(rows) - NAMES} more" if len(rows) > NAMES else names

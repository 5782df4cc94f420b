"""Scores of recipes on clips, as JSON for programs and as a table for people."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import attrs
from attrs import frozen

from ddsp_dgen.compare.scores import Score

Scores = Mapping[str, Mapping[str, Score]]
"""By clip, then by recipe; what the others are compared with comes first."""
HEAD = (
    *("clip", "recipe", "probe, 1e-8", "probe, 1e-3", "per bin", "share", "floor"),
    *("parameters", "seconds"),
)
CAPTION = """
Probes are times 1e-4. share: of the first recipe's probe at 1e-8. floor: the probe at 1e-8 between
two renders under different noise. per bin: mss. seconds: of training, its measurements included.
"""


@frozen
class Overall:
    """A recipe's medians over the clips, and its largest share of the first recipe's probe."""

    probe_1e_8: float
    probe_1e_3: float
    per_bin: float
    share: float
    largest_share: float
    floor: float
    parameters: int
    seconds: float


def overall(scores: Scores) -> dict[str, Overall]:
    """Return every recipe's medians and worst."""
    return {recipe: _overall(scores, recipe) for recipe in next(iter(scores.values()))}


def _overall(scores: Scores, recipe: str) -> Overall:
    own = [row[recipe] for row in scores.values()]
    shares = [share(row, recipe) for row in scores.values()]

    def middle(name: str) -> float:
        values: list[float] = [getattr(score, name) for score in own]
        return median(values)

    return Overall(
        probe_1e_8=middle("probe_1e_8"),
        probe_1e_3=middle("probe_1e_3"),
        per_bin=middle("per_bin"),
        share=median(shares),
        largest_share=max(shares),
        floor=middle("floor"),
        parameters=own[0].parameters,
        seconds=middle("seconds"),
    )


def share(row: Mapping[str, Score], recipe: str) -> float:
    """Return a recipe's probe on a clip as a share of the first recipe's, at the published eps."""
    return row[recipe].probe_1e_8 / next(iter(row.values())).probe_1e_8


def to_json(scores: Scores) -> dict[str, Any]:
    """Return everything as plain values."""
    return {
        "clips": {
            clip: {recipe: attrs.asdict(score) for recipe, score in row.items()}
            for clip, row in scores.items()
        },
        "overall": {recipe: attrs.asdict(all_) for recipe, all_ in overall(scores).items()},
    }


def to_markdown(scores: Scores) -> str:
    """Return a row for each recipe on each clip, and one for each over all."""
    rows = [
        [clip, recipe, *_numbers(score, f"{share(row, recipe):.2f}")]
        for clip, row in scores.items()
        for recipe, score in row.items()
    ]
    rows += [
        ["median", recipe, *_numbers(all_, f"{all_.share:.2f}, at most {all_.largest_share:.2f}")]
        for recipe, all_ in overall(scores).items()
    ]
    return _aligned([HEAD, *rows]) + CAPTION


def _numbers(score: Score | Overall, share: str) -> list[str]:
    return [
        f"{score.probe_1e_8 * 1e4:.3f}",
        f"{score.probe_1e_3 * 1e4:.3f}",
        f"{score.per_bin:.3f}",
        share,
        f"{score.floor * 1e4:.3f}" if score.floor else "",
        f"{score.parameters:,}",
        f"{score.seconds:.0f}",
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[cell.ljust(width) for cell, width in zip(r, widths, strict=True)] for r in rows]
    lines.insert(1, ["-" * width for width in widths])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

"""Options of `ddsp render` that say how a score is played."""

import functools
import math
from collections.abc import Callable
from typing import Any

import rich_click as click
from attrs import fields

from ddspcore.rendering.style import Style

DEFAULTS = {attribute.name: attribute.default for attribute in fields(Style)}
OPTIONS = (
    ("attack", "SECONDS", (0.0, 5.0), "how long a note takes to begin"),
    ("release", "SECONDS", (0.0, 5.0), "how long it takes to end"),
    ("legato", "SECONDS", (-1.0, 1.0), "notes no farther apart are slurred; below 0, overlap"),
    ("portamento", "SECONDS", (0.0, 5.0), "how long the pitch of a slurred note glides"),
    ("vibrato_cents", "CENTS", (0.0, 200.0), "depth of the vibrato"),
    ("vibrato_hz", "HZ", (0.0, 15.0), "its rate"),
    ("vibrato_delay", "SECONDS", (0.0, 10.0), "how long a note is held before it"),
)


class Within(click.FloatRange):
    """A number between two others; NaN lies nowhere."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number; fails if there is none, or it lies outside."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is no number", param, ctx)
        return number


def style_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each field of `Style`; the command gets a `style`."""

    @functools.wraps(command)
    def with_style(**given: Any) -> None:
        style = Style(**{name: given.pop(name) for name in DEFAULTS})
        command(style=style, **given)

    decorated: Callable[..., None] = with_style
    for name, unit, (low, high), text in reversed(OPTIONS):
        decorated = click.option(
            f"--{name.replace('_', '-')}",
            name,
            type=Within(low, high),
            default=DEFAULTS[name],
            show_default=True,
            metavar=unit,
            help=f"Of a score: {text}.",
        )(decorated)
    return decorated

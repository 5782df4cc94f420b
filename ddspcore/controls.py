"""The record beside every named tensor."""

from attrs import field, frozen, validators

ANY = 0


@frozen
class Control:
    """What a named tensor holds: its unit, the axis its values run along, channels and range.

    Shape: `clip` [B,C], `sample` [B,T], every other axis (`frame`, or a plugin's own) [B,N,C].
    Units: `hz`, `db`, `linear`, `ratio`, `simplex` (non-negative, sums to one over the channels),
    `radian`, `noise` (uniform in [-1, 1), filled by the runner), `probability`, `signal`, `index`,
    or one of a plugin's own. A need with 0 channels takes any number of them.
    """

    name: str
    unit: str = "linear"
    axis: str = "frame"
    channels: int = field(default=1, validator=validators.ge(0))
    lo: float | None = None
    hi: float | None = None

    def __str__(self) -> str:
        """Spell the control as the wiring table does: `harmonics[B,N,64] simplex 0..1`."""
        channels = self.channels or "any"
        shape = {"clip": f"[B,{channels}]", "sample": "[B,T]"}.get(self.axis, f"[B,N,{channels}]")
        on = "" if self.axis in ("clip", "sample", "frame") else f" on {self.axis}"
        bounds = "" if self.lo is None and self.hi is None else f" {_bounds(self.lo, self.hi)}"
        return f"{self.name}{shape}{on} {self.unit}{bounds}"


def _bounds(lo: float | None, hi: float | None) -> str:
    return f"{'' if lo is None else f'{lo:g}'}..{'' if hi is None else f'{hi:g}'}"


def clash(need: Control, provided: Control) -> str | None:
    """Say why `provided` cannot serve `need`, or None if it can."""
    for what in ("unit", "axis", "channels"):
        wanted, given = getattr(need, what), getattr(provided, what)
        if wanted != given and (what, wanted) != ("channels", ANY):
            return f"{what} {given} != {wanted}"
    below = need.lo is not None and (provided.lo is None or provided.lo < need.lo)
    above = need.hi is not None and (provided.hi is None or provided.hi > need.hi)
    if not (below or above):
        return None
    if provided.lo is None and provided.hi is None:
        return f"range is not bounded to {_bounds(need.lo, need.hi)}"
    return f"range {_bounds(provided.lo, provided.hi)} exceeds {_bounds(need.lo, need.hi)}"

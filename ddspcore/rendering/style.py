"""How a score is played: what no note says."""

from attrs import frozen


@frozen
class Style:
    """Times in seconds, depths in cents; how notes begin, end, sway and follow each other.

    Notes are slurred that overlap, or follow each other within `legato` seconds; below zero, they
    must overlap by so much. A slurred note has no attack, and its pitch glides for `portamento`
    seconds. Vibrato begins `vibrato_delay` seconds after the note, and grows for one of its
    periods.
    """

    attack: float = 0.03
    release: float = 0.08
    legato: float = 0.0
    portamento: float = 0.04
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.5
    vibrato_delay: float = 0.25

"""How much of a long file is worked on at a time."""

from attrs import frozen


@frozen
class Pieces:
    """Files up to `seconds` are played whole, longer ones that much at a time.

    What hears more than a moment hears `context` seconds before and after a piece too.
    """

    seconds: float = 120.0
    context: float = 10.0

    def hops(self, rate: float, hop: int) -> int:
        """Return the length of a piece in hops."""
        return max(1, round(self.seconds * rate / hop))

    def around(self, rate: float, hop: int) -> int:
        """Return the length of the context in hops."""
        return max(1, round(self.context * rate / hop))

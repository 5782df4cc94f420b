"""A promise: something that every component of a kind keeps, and how to find out."""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from ddspcore.testing.subject import Subject


class Broken(AssertionError):  # noqa: N818  no error: what a test finds
    """A component does not keep a promise; the message is a sentence that says how."""


class Unproved(Exception):  # noqa: N818  no error: a promise that nothing could be found out about
    """Something outside the component kept a promise from being tested."""


def _always(subject: Subject) -> bool:
    return True


@frozen
class Promise:
    """A named check that raises Broken; `when` says which components it is asked of."""

    check: Callable[[Subject], None]
    when: Callable[[Subject], bool] = _always

    @property
    def name(self) -> str:
        """The promise in words, with underscores."""
        return str(self.check.__name__)

    @property
    def doc(self) -> str:
        """What is promised, in a sentence."""
        return (self.check.__doc__ or "").strip().partition("\n")[0]


def promise(when: Callable[[Subject], bool] = _always) -> Callable[[Callable[..., None]], Promise]:
    """Make a function of a Subject a promise, asked of those components that `when` picks."""
    return lambda check: Promise(check, when)


def demand(kept: Any, message: str) -> None:
    """Raise Broken with `message` unless `kept`."""
    if not kept:
        raise Broken(message)

"""Ctrl-C as a request: the step in progress ends and is saved before the run does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from attrs import define


@define
class StopRequest:
    """Whether the user, or the system, has asked the run to end."""

    asked: bool = False


@contextmanager
def stop_on_signal(request: StopRequest) -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into a request; a second one interrupts at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if request.asked:
            raise KeyboardInterrupt
        request.asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

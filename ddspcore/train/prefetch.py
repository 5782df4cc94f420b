"""Work that is done before it is asked for, by one thread, while the device is busy."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Calls `make(place)` for the places to come; what it raises comes out of `take`.

    Use as a context manager: outside it, no thread lives.
    """

    def __init__(self, make: Callable[[int], T], ahead: int):
        self.make = make
        self.ahead = ahead
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")
        self._coming: deque[tuple[int, Future[T]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def take(self, place: int) -> T:
        """Return what was made for a place, and have the places after it made."""
        coming = self._coming
        while coming and coming[0][0] != place:
            coming.popleft()[1].cancel()
        following = coming[-1][0] + 1 if coming else place
        for each in range(following, place + self.ahead + 1):
            coming.append((each, self._thread.submit(self.make, each)))
        return coming.popleft()[1].result()

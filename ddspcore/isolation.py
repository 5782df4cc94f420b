"""Running other people's code so that nothing of it is left in the program but what it returns."""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@contextmanager
def isolated(changed: list[str]) -> Iterator[None]:
    """Send prints to stderr, and put back the global state that imports like to change.

    Generators are put back in silence; the name of any other state that was changed goes into
    `changed`.
    """
    import numpy as np  # noqa: PLC0415  what lists plugins by their metadata needs neither
    import torch  # noqa: PLC0415

    generators: list[tuple[Callable[[Any], object], Any]] = [
        (random.setstate, random.getstate()),
        (np.random.set_state, np.random.get_state()),
        (torch.set_rng_state, torch.get_rng_state()),
    ]
    switches: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
        "the default dtype": (torch.get_default_dtype, torch.set_default_dtype),
        "the default device": (torch.get_default_device, _set_device),
        "the number of threads": (torch.get_num_threads, torch.set_num_threads),
        "grad mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    }
    before = {what: read() for what, (read, _) in switches.items()}
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        for what, (read, write) in switches.items():
            if read() != before[what]:
                write(before[what])
                changed.append(what)
        for restore, state in generators:
            restore(state)


def _set_device(device: "torch.device") -> None:
    import torch  # noqa: PLC0415

    # To name the CPU, which is the default, would slow down whatever makes a tensor.
    torch.set_default_device(None if device.type == "cpu" else device)

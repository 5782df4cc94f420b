"""Which device a run uses, and how many threads."""

import torch
from attrs import frozen

from ddspcore.errors import UserError


@frozen
class DeviceChoice:
    """The device that was asked for, the one that is used, and its name."""

    asked: str
    used: str
    name: str

    @property
    def torch(self) -> torch.device:
        """The device as torch spells it."""
        return torch.device(self.used)


def available() -> dict[str, str]:
    """Return the kinds of device that are here and their names, the fastest first."""
    names = {}
    if torch.cuda.is_available():
        names["cuda"] = torch.cuda.get_device_name()
    if torch.backends.mps.is_available():
        names["mps"] = "mps"
    return names | {"cpu": "cpu"}


def choose_device(asked: str) -> DeviceChoice:
    """Resolve `auto|cpu|cuda|mps`; auto takes the first of cuda, mps, cpu that is there.

    Raises UserError if the device asked for is not available.
    """
    here = available()
    used = next(iter(here)) if asked == "auto" else asked
    if used not in here:
        there = ", ".join(here)
        raise UserError(f'the device "{asked}" is not available here; available: {there}')
    return DeviceChoice(asked, used, here[used])

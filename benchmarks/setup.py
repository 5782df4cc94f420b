"""What a session of measurements was asked for."""

from pathlib import Path

from attrs import frozen

from ddspcore.kernels import backends

PLAIN, NATIVE = "plain torch", "native"


@frozen
class Setup:
    """Where to measure, with how many threads, and where the peers are.

    `quick` is for trying the harness: small sizes, few rounds, numbers that mean nothing.
    """

    device: str = "cpu"
    threads: int = 2
    rounds: int = 7
    quick: bool = False
    peers: Path | None = None
    tensorflow: Path | None = None


def kernels_of(setup: Setup) -> dict[str, str]:
    """Return our contenders and what DDSP_KERNELS says for each; native where there is one."""
    native = backends.choose(setup.device).kind == "native"
    return {PLAIN: "reference"} | ({NATIVE: "native"} if native else {})

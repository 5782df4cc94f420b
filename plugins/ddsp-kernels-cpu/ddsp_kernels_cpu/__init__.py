"""Where the compiled CPU kernels of ddspcore are; ddspcore loads and calls them."""

from pathlib import Path

__version__ = "0.1.0"


def libraries() -> list[Path]:
    """Return the builds for this architecture, the most demanding instruction set first."""
    names = ("avx512", "avx2", "sse2", "neon", "generic")
    paths = [Path(__file__).with_name(f"{name}.so") for name in names]
    return [path for path in paths if path.is_file()]

"""The hot functions on CPUs, by the compiled package `ddsp-kernels-cpu` where it is installed."""


def missing() -> str | None:
    """Say what this machine lacks to run the backend, or None."""
    return "the package ddsp-kernels-cpu is not installed"

"""Errors that a user can cause or mend: they carry an exit code and never show a traceback."""

import errno

REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}
REFUSALS |= {errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}


def is_refusal(error: Exception) -> bool:
    """Say whether the machine refuses something: no bug, wherever in the program it shows."""
    return isinstance(error, OSError) and error.errno in REFUSALS


class UserError(Exception):
    """A recipe, data or usage problem: what, where, and what to do, in its text."""

    exit_code = 1


class PluginError(Exception):
    """A plugin that a recipe needs cannot be used."""

    exit_code = 2


class Mistake(PluginError):  # noqa: N818  it is made, not raised, by the plugin
    """A component returns what no component of its kind does.

    `kind`, `label` and `cls` say which of a recipe's it is; a lone kind, or one without a name of
    its own, needs no label.
    """

    def __init__(self, kind: str, label: str, cls: type, what: str):
        super().__init__(kind, label, cls, what)
        self.kind, self.label, self.cls, self.what = kind, label, cls, what

    def __str__(self) -> str:
        return f"{self.kind} {self.label} {self.what}" if self.label else f"{self.kind} {self.what}"


class TrainingStopped(Exception):  # noqa: N818  it stops, it does not fail
    """Training ended itself, because going on would destroy what was learnt."""

    exit_code = 3


class GateMissed(Exception):  # noqa: N818  nothing is wrong but the numbers
    """A run is finished and saved, but not as good as its recipe asks."""

    exit_code = 4


class RunsFailed(Exception):  # noqa: N818  others of the series may be finished
    """Runs of a series failed; `exit_code` is that of the first."""

    def __init__(self, text: str, exit_code: int):
        super().__init__(text)
        self.exit_code = exit_code


class Interrupted(Exception):  # noqa: N818  the user asked for it
    """The user interrupted a run, and it has been saved."""

    exit_code = 130

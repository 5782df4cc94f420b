"""A plugin file for `ddsp run`: notes the CPU time of every checkpoint, and stops when time is up.

RACE_CLOCK names the file that it writes to, RACE_SECONDS how long the race lasts.
"""

import os
import signal
from pathlib import Path

from benchmarks.race.clock import PREPARED, Clock
from ddspcore import hookimpl
from ddspcore.train.events import LogRecord
from ddspcore.train.stage import KEPT

CLOCK = Clock(Path(os.environ["RACE_CLOCK"]))
SECONDS = float(os.environ["RACE_SECONDS"])


@hookimpl
def ddsp_log(record: LogRecord) -> None:
    """Note when the step was logged, which is just before its checkpoint is kept."""
    if not CLOCK.file.exists():
        CLOCK.note(PREPARED)
    CLOCK.note(f"{record.stage}/{KEPT.format(record.step)}")
    if CLOCK.now() > SECONDS:
        signal.raise_signal(signal.SIGTERM)  # the run is kept, and ends

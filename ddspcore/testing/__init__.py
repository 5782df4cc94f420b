"""What whoever writes a plugin tests it with.

import ddsp_loss_melshape
from ddspcore.testing import conformance

test_conformance = conformance(ddsp_loss_melshape)
"""

from ddspcore.testing.conformance import conformance
from ddspcore.testing.setting import AUDIO, Setting

__all__ = ["AUDIO", "Setting", "conformance"]

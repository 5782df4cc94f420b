"""The built-ins pass what third parties' components must pass."""

import ddspcore.builtin
from ddspcore.testing import conformance

test_conformance = conformance(ddspcore.builtin)

import ddsp_wavetable

from ddspcore.testing import conformance

test_conformance = conformance(ddsp_wavetable)

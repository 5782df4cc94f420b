import ddsp_fm

from ddspcore.testing import conformance

test_conformance = conformance(ddsp_fm)

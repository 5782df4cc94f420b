import ddsp_loss_sot

from ddspcore.testing import conformance

test_conformance = conformance(ddsp_loss_sot)

import ddsp_loss_melshape

from ddspcore.testing import conformance

test_conformance = conformance(ddsp_loss_melshape)

"""`python -m ddspcore.cli`, for where the `ddsp` command is not on the path."""

import sys

from ddspcore.cli import main

sys.exit(main())

"""`python -m raysearch` is the command `raysearch`, for shells that do not find it."""

import sys

from raysearch.cli import main

sys.exit(main())

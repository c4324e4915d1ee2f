"""``python -m softaxes`` is the command line."""

import sys

from softaxes.cli import main

sys.exit(main())

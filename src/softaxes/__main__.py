"""``python -m softaxes`` is the command line."""

import sys

from softaxes.commands.cli import main

sys.exit(main())

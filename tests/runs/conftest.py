"""The scripts under runs/ import each other by name, as they do when they are started."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "runs"))

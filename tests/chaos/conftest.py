"""The truths of the use cases are those of tests/patterns."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "patterns"))

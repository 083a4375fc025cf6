"""Makes the generators importable, which are scripts beside the corpora and no part of the package, and trees.py."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "data")]

"""Make `benchmarks` importable: it is no part of the wheel, and tox runs away from the checkout."""

import sys
from pathlib import Path

# Last, so that the installed rooms are found before the folders of the checkout.
sys.path.append(str(Path(__file__).resolve().parents[2]))

"""The predictors work where torch is not installed."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_predictors_does_not_import_torch():
    code = "import predictors, sys; assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

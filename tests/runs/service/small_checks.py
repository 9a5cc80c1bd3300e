"""A process that answers as the one that checks documents does, but for the questions ``end`` and ``wait``."""

from __future__ import annotations

import json
import os
import sys
import time

for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "end":
        sys.exit()
    if asked["do"] == "wait":
        time.sleep(60)
    kind = "refused" if asked["do"] == "refuse" else "checked"
    print(json.dumps({kind: os.getpid(), "long": "x" * 100_000}), flush=True)

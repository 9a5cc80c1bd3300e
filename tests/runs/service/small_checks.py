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
    answer = {"checked": os.getpid(), "long": "x" * 100_000}
    if asked["do"] == "refuse":
        answer = {"refused": {"parameter": "p", "expected": "e", "got": str(os.getpid()), "remedy": "r"}}
    print(json.dumps(answer), flush=True)

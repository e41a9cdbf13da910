"""Protection takes what it gets: a limit that may not be changed does not end the guard."""

from __future__ import annotations

import subprocess
import sys

_LIMITED = """
import os, resource
from hearthside.inference.guard.protection import protect
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]  # 0 where the process before has run a node
resource.setrlimit(resource.RLIMIT_CORE, (0, 1000 if hard == resource.RLIM_INFINITY else min(1000, hard)))
resource.setrlimit(resource.RLIMIT_RTTIME, (1000000, 1000000))
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print(protect(), resource.getrlimit(resource.RLIMIT_RTTIME), resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_a_lower_limit_that_is_set_already_stays_and_the_rest_is_taken() -> None:
    done = subprocess.run([sys.executable, "-c", _LIMITED], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("(1000000, 1000000) (0, 0)\n")

"""What the control plane loads before DNS has had the processor to itself."""

from __future__ import annotations

import subprocess
import sys


def test_the_control_plane_loads_without_a_web_framework() -> None:
    code = "import sys, mirage_hole.runtime.control; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0

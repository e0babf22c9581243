"""The tools allocate with jemalloc, whose heap stays flat over hours (tests/tools/soak.py)."""

import os
import subprocess
import unittest

from program import BIN


class Allocator(unittest.TestCase):
    def test_every_tool_uses_jemalloc(self):
        tools = sorted(BIN.glob("pal-*"))
        self.assertGreater(len(tools), 6)
        for tool in tools:
            with self.subTest(tool=tool.name):
                result = subprocess.run([tool, "--help"], env=os.environ | {"MALLOC_CONF": "stats_print:true"}, capture_output=True, text=True, timeout=60, check=True)
                self.assertIn("Begin jemalloc statistics", result.stderr)


if __name__ == "__main__":
    unittest.main()

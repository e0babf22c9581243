"""docs/config.md is what the programs say of their own table."""

import unittest

from program import SOURCE, run


class ConfigReference(unittest.TestCase):
    def test_the_document_is_up_to_date(self):
        result = run("pal-train", "--config-reference")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((SOURCE / "docs" / "config.md").read_text(), result.stdout,
                         "make it anew: pal-train --config-reference > docs/config.md")


if __name__ == "__main__":
    unittest.main()

"""docs/manifest.schema.json says of manifests what pal's reader says: every shipped and every imported manifest, and the cases of
tests/data/manifest_cases.json, which the reader's own test reads, too."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import jsonschema

SOURCE = pathlib.Path(os.environ["PAL_SOURCE_DIR"])
BIN = pathlib.Path(os.environ["PAL_BIN"])
sys.path.insert(0, str(SOURCE / "tests" / "tools"))
import published  # noqa: E402


def objects_of(path):
    text = path.read_text(encoding="utf-8")
    if text.lstrip().startswith("["):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines() if line.strip()]


class ManifestSchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        schema = json.loads((SOURCE / "docs" / "manifest.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.validator = jsonschema.Draft202012Validator(schema)
        cls.cases = json.loads((SOURCE / "tests" / "data" / "manifest_cases.json").read_text())

    def check(self, path):
        objects = objects_of(path)
        self.assertTrue(objects, path)
        for one in objects:
            self.assertEqual([error.message for error in self.validator.iter_errors(one)], [], f"{path}: {one}")

    def test_the_cases(self):
        for good in self.cases["good"]:
            self.assertTrue(self.validator.is_valid(good), good)
        for bad in self.cases["bad"]:
            self.assertEqual(self.validator.is_valid(bad["sample"]), bad.get("beyond_schema", False), bad)

    def test_shipped_manifests(self):
        manifests = sorted((SOURCE / "assets" / "clips").glob("*.jsonl"))
        if not manifests:
            self.skipTest("assets/ is not there; tools/setup.sh fetches it")
        for manifest in manifests:
            with self.subTest(manifest=manifest.name):
                self.check(manifest)

    def test_imported_manifests_and_openaqas_own_file(self):
        for dataset, (make, options) in published.ALL.items():
            with self.subTest(dataset=dataset), tempfile.TemporaryDirectory() as folder:
                root = pathlib.Path(folder) / "data"
                make(root)
                out = pathlib.Path(folder) / "m.jsonl"
                subprocess.run([BIN / "pal-data", "import", dataset, "--root", root, "--out", out,
                                *[option.format(root=root) for option in options]], check=True, capture_output=True, timeout=60)
                self.check(out)
                if dataset == "openaqa":
                    self.check(root / "openaqa_5.6M.json")


if __name__ == "__main__":
    unittest.main()

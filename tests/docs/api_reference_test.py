"""The API reference: every public entity is documented, what is not is named, and comments come out as they were written."""

import html
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

HEADER = """\
// Rows of <audio> & text, \\file @brief #1: *not* _marked_ --up.
//
//   rows   q q . .     `- run 1 -'
//     <id> @0   1
//
// After the figure.
#pragma once

namespace pal {

// The sum; `a<b>*c` is code. Throws nothing.
int sum(int a,  // [R] first
        int b);

// Two sums.
struct Pair {  // not about the line below
  int left = 0, right = 0;  // of the two
  // Counts:
  int rows() const;
  int keys() const { return 0; }
};

}  // namespace pal
"""


def doxygen(tree: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run(["doxygen", "docs/Doxyfile"], cwd=tree, text=True, capture_output=True, check=False)


class ApiReferenceTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name)
        shutil.copytree(ROOT / "docs", self.tree / "docs")
        shutil.copy(ROOT / "README.md", self.tree)
        (self.tree / "include/pal").mkdir(parents=True)

    def page(self, name: str) -> str:
        """A page of the reference as text, with white space as it is."""
        return html.unescape(re.sub("<[^>]*>", "", (self.tree / "build/docs" / name).read_text(encoding="utf-8")))

    def test_all_headers_give_a_reference_without_a_warning(self):
        shutil.copytree(ROOT / "include", self.tree / "include", dirs_exist_ok=True)
        done = doxygen(self.tree)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        headers = {path.name for path in ROOT.glob("include/pal/**/*.h")}
        listed = re.findall(r">(\w+\.h)<", (self.tree / "build/docs/files.html").read_text(encoding="utf-8"))
        self.assertEqual(headers, set(listed))
        self.assertIn("Ears for large language models", self.page("index.html"))

    def test_what_is_not_documented_is_named_with_its_line(self):
        header = (ROOT / "include/pal/nn/rope.h").read_text(encoding="utf-8")
        last = "torch::Tensor apply_rope(const torch::Tensor& x, const RopeTable& table);\n"
        self.assertIn(last, header)
        header = header.replace(last, f"{last}int nobody_says_what();\nstruct Unsaid {{\n  int nor_this;\n}};\n")
        (self.tree / "include/pal/rope.h").write_text(header, encoding="utf-8")
        done = doxygen(self.tree)
        self.assertNotEqual(done.returncode, 0)
        line = header[: header.index("int nobody")].count("\n") + 1
        named = set(re.findall(r"rope\.h:(\d+): .*?\b(nobody_says_what|Unsaid|nor_this)\b.* is not documented", done.stderr))
        self.assertEqual(named, {(str(line), "nobody_says_what"), (str(line + 1), "Unsaid"), (str(line + 2), "nor_this")})

    def test_plain_comments_come_out_as_they_were_written(self):
        (self.tree / "include/pal/sums.h").write_text(HEADER, encoding="utf-8")
        done = doxygen(self.tree)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        text = self.page("sums_8h.html")
        for expected in ("Rows of <audio> & text, \\file @brief #1: *not* _marked_ --up.", "After the figure.",
                         "  rows   q q . .     `- run 1 -'\n    <id> @0   1"):
            self.assertIn(expected, text)
        self.assertRegex(self.page("namespacepal.html"), r"The sum; a<b>\*c is code\.")
        members = self.page("structpal_1_1Pair.html")
        self.assertEqual([members.count(doc) for doc in ("of the two", "Counts.", "not about")], [2, 2, 0])


if __name__ == "__main__":
    if not shutil.which("doxygen"):
        print("skipped: there is no doxygen; tools/setup.sh installs it")
        sys.exit(77)
    unittest.main()

#include "pal/config/document.h"

#include <gtest/gtest.h>

#include <fstream>

#include "error_message.h"
#include "pal/config/dump.h"
#include "pal/config/yaml_parser.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

class Document : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  std::string flow(const std::string& name, const std::vector<std::string>& sets = {}) const {
    return flow_text(load_document(folder_ / name, sets));
  }
  std::string error_of(const std::string& name, const std::vector<std::string>& sets = {}) const {
    return error_message([&] { load_document(folder_ / name, sets); });
  }

  TemporaryFolder folder_;
};

TEST_F(Document, MapsMergeAndListsReplace) {
  write("base.yaml", "train: {steps: 10, layers: [1, 2, 3]}\nname: base\n");
  write("pal.yaml", "base: base.yaml\ntrain: {layers: [4], rate: 2}\n");
  EXPECT_EQ(flow("pal.yaml"), "{train: {steps: 10, layers: [4], rate: 2}, name: base}");
}

TEST_F(Document, BaseIsRelativeToItsFile) {
  write("common/llm.yaml", "llm: 1\n");
  write("common/base.yaml", "base: llm.yaml\ntrain: 2\n");
  write("paper/pal.yaml", "base: ../common/base.yaml\n");
  EXPECT_EQ(flow("paper/pal.yaml"), "{llm: 1, train: 2}");
}

TEST_F(Document, LaterBasesWinAndTheFileWinsOverAll) {
  write("a.yaml", "a: 1\nb: 1\nc: 1\n");
  write("b.yaml", "b: 2\nc: 2\n");
  write("pal.yaml", "c: 3\nbase: [a.yaml, b.yaml]\n");
  EXPECT_EQ(flow("pal.yaml"), "{a: 1, b: 2, c: 3}");
}

TEST_F(Document, ReplaceTagDropsWhatIsInherited) {
  write("base.yaml", "connector: {type: qformer, queries: 12}\n");
  write("pal.yaml", "base: base.yaml\nconnector: !replace {type: mlp}\n");
  EXPECT_EQ(flow("pal.yaml"), "{connector: {type: mlp}}");
}

TEST_F(Document, ValuesKeepTheFileThatTheyComeFrom) {
  write("base.yaml", "\ntrain:\n  steps: 10\n  rate: 1\n");
  write("pal.yaml", "base: base.yaml\ntrain:\n  rate: 2\n");
  const Node root = load_document(folder_ / "pal.yaml", {"train.seed=3"});
  const Node& train = *root.child("train");
  EXPECT_EQ(train.child("steps")->origin.text(), file("base.yaml") + ":3");
  EXPECT_EQ(train.child("rate")->origin.text(), file("pal.yaml") + ":3");
  EXPECT_EQ(train.child("seed")->origin.text(), "--set train.seed=3");
}

TEST_F(Document, CyclesAreNamed) {
  const std::string a = write("a.yaml", "x: 1\nbase: b.yaml\n");
  const std::string b = write("b.yaml", "base: a.yaml\n");
  EXPECT_EQ(error_of("a.yaml"), b + ":1: 'base' leads back to " + a + ": " + a + " -> " + b + " -> " + a);
  write("self.yaml", "base: self.yaml\n");
  EXPECT_NE(error_of("self.yaml").find("leads back to"), std::string::npos);
}

TEST_F(Document, WrongBasesAreErrors) {
  const std::string missing = write("missing.yaml", "x: 1\nbase: nobody.yaml\n");
  EXPECT_EQ(error_of("missing.yaml"),
            missing + ":2: 'base': no file " + file("nobody.yaml") + "; the path is relative to " + missing);
  write("map.yaml", "base: {a: b}\n");
  EXPECT_EQ(error_of("map.yaml"),
            file("map.yaml") + ":1: 'base': expected a file or a list of files, got a map");
  write("null.yaml", "base:\n");
  EXPECT_EQ(error_of("null.yaml"),
            file("null.yaml") + ":1: 'base': expected a file or a list of files, got nothing");
}

TEST_F(Document, DepthAndNumberOfBasesAreLimited) {
  write("0.yaml", "x: 1\n");
  for (int i = 1; i <= 20; ++i)
    write(std::to_string(i) + ".yaml", "base: " + std::to_string(i - 1) + ".yaml\n");
  EXPECT_EQ(flow("15.yaml"), "{x: 1}");
  EXPECT_NE(error_of("20.yaml").find("'base' is more than 16 files deep"), std::string::npos);
  for (int i = 1; i <= 12; ++i) {  // without a limit on the number of files: 2^12 loads
    const std::string below = std::to_string(i - 1) + ".yaml";
    write(std::to_string(i) + ".yaml", "base: [" + below + ", " + below + "]\n");
  }
  EXPECT_NE(error_of("12.yaml").find("'base' leads to more than 64 files"), std::string::npos);
}

TEST_F(Document, FilesThatHoldNoMapAreErrors) {
  write("empty.yaml", "# nothing\n");
  EXPECT_EQ(error_of("empty.yaml"), file("empty.yaml") + ": the file is empty; expected a map of options");
  write("list.yaml", "- a\n");
  EXPECT_EQ(error_of("list.yaml"), file("list.yaml") + ": expected a map of options, got a list");
  EXPECT_NE(error_of("absent.yaml").find("absent.yaml: cannot be read"), std::string::npos);
  write("large.yaml", "x: 1\n#" + std::string(YamlLimits::kFileBytes, 'x'));
  EXPECT_NE(error_of("large.yaml").find("large.yaml: has 1048582 bytes"), std::string::npos);
}

class Set : public Document {
 protected:
  void SetUp() override {
    write("pal.yaml", "train: {steps: 10}\nstages: [{name: align, steps: 1}, {name: tune}]\nnone:\n");
  }
};

TEST_F(Set, ReplacesValues) {
  EXPECT_EQ(flow("pal.yaml", {"train.steps=5", "train.layers=[1, 2]", "stages=[]"}),
            "{train: {steps: 5, layers: [1, 2]}, stages: [], none: ~}");
  EXPECT_EQ(flow("pal.yaml", {"train={a: 1}", "stages=[]"}), "{train: {a: 1}, stages: [], none: ~}");
}

TEST_F(Set, MakesMissingMaps) {
  EXPECT_EQ(flow("pal.yaml", {"train={}", "stages=[]", "a.b.c=x", "none.o=1"}),
            "{train: {}, stages: [], none: {o: 1}, a: {b: {c: x}}}");
}

TEST_F(Set, FindsListElementsByIndexAndName) {
  EXPECT_EQ(flow("pal.yaml", {"stages.0.steps=2", "stages.tune.steps=3", "train={}", "none=1"}),
            "{train: {}, stages: [{name: align, steps: 2}, {name: tune, steps: 3}], none: 1}");
}

TEST_F(Set, LaterOnesWinAndValuesMayHoldEquals) {
  const Node root = load_document(folder_ / "pal.yaml", {"train.steps=5", "train.steps=a=b"});
  EXPECT_EQ(root.child("train")->child("steps")->text, "a=b");
}

TEST_F(Set, QuotedTextStaysText) {
  const Node root = load_document(folder_ / "pal.yaml", {"train.steps=\"\""});
  EXPECT_TRUE(root.child("train")->child("steps")->is_scalar());
  EXPECT_TRUE(
      load_document(folder_ / "pal.yaml", {"train.steps="}).child("train")->child("steps")->is_null());
}

TEST_F(Set, WrongOnesAreNamed) {
  EXPECT_EQ(error_of("pal.yaml", {"train.steps"}), "--set train.steps: expected KEY.PATH=VALUE");
  EXPECT_EQ(error_of("pal.yaml", {"=5"}), "--set =5: expected KEY.PATH=VALUE");
  EXPECT_EQ(error_of("pal.yaml", {"train..steps=5"}),
            "--set train..steps=5: an empty key in the path; expected KEY.PATH=VALUE");
  EXPECT_EQ(error_of("pal.yaml", {"stages.2.steps=5"}),
            "--set stages.2.steps=5: 'stages' has no element '2'; it has 0 (align), 1 (tune)");
  EXPECT_EQ(error_of("pal.yaml", {"stages.aling.steps=5"}),
            "--set stages.aling.steps=5: 'stages' has no element 'aling'; it has 0 (align), 1 (tune)");
  EXPECT_EQ(error_of("pal.yaml", {"train.steps.x=5"}), "--set train.steps.x=5: 'train.steps' is '10' (" +
                                                           file("pal.yaml") +
                                                           ":1), not a map, so it has no key 'x'");
  EXPECT_EQ(error_of("pal.yaml", {"base=x.yaml"}), "--set base=x.yaml: 'base' can be given only in a file");
  EXPECT_EQ(error_of("pal.yaml", {"train.steps=[1"}),
            "--set train.steps=[1: end of sequence flow not found; is a ']' missing?");
  EXPECT_EQ(error_of("pal.yaml", {"train.steps=\xff"}),
            "--set train.steps=\xff: not UTF-8 (byte 0xff); save the file as UTF-8");
}

}  // namespace
}  // namespace pal

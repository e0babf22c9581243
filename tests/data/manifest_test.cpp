#include "pal/data/manifest.h"

#include <gtest/gtest.h>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "support/temporary_folder.h"

namespace pal {
namespace {

std::vector<Sample> read(const std::string& text, const PromptOptions& options = {}) {
  TemporaryFolder folder;
  write_file_atomically(folder / "m.jsonl", text);
  return read_manifest(folder / "m.jsonl", options);
}

std::string problem_of(const std::string& text) {
  try {
    read(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no problem";
}

TEST(Manifest, ALabelIsAskedAndAnsweredAsTheOptionsSay) {
  PromptOptions options;
  options.question = "Which sound?";
  options.answer = "A {label}.";
  options.system = "Listen.";
  const auto samples = read(R"({"id": "a", "audio": "x/a.wav", "label": "dog"})", options);
  ASSERT_EQ(samples.size(), 1u);
  ASSERT_EQ(samples[0].messages.size(), 3u);
  EXPECT_EQ(samples[0].messages[0].role, "system");
  EXPECT_EQ(samples[0].messages[1].content, "Which sound?");
  EXPECT_EQ(samples[0].messages[2].content, "A dog.");
  EXPECT_EQ(samples[0].references, std::vector<std::string>{"A dog."});
  EXPECT_EQ(samples[0].clips.at(0).path.filename(), "a.wav");
  EXPECT_EQ(prompt_of(samples[0]).size(), 2u);
}

TEST(Manifest, SegmentsSeveralClipsAndTextOnlySamples) {
  const auto samples = read(R"({"id": 1, "audio": "a.wav", "start": 1.5, "end": 2, "instruction": "q", "output": "r", "references": ["r", "s"]}
{"id": "two", "audio": ["a.wav", "b.wav"], "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]}

{"id": "none", "instruction": "q", "output": "r"})");
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples[0].id, "1");
  EXPECT_EQ(samples[0].clips[0].segment.start, 1.5);
  EXPECT_EQ(samples[0].clips[0].segment.end, 2.0);
  EXPECT_EQ(samples[0].references.size(), 2u);
  EXPECT_EQ(samples[1].clips.size(), 2u);
  EXPECT_TRUE(samples[2].clips.empty());
}

TEST(Manifest, WrongLinesAreNamedAllAtOnce) {
  const std::pair<const char*, const char*> wrong[] = {
      {"nonsense", "JSON"},
      {"[1]", "expected a JSON object"},
      {R"({"audio": "a.wav", "label": "x"})", "'id' is missing"},
      {R"({"id": "i", "label": ""})", "'label'"},
      {R"({"id": "i"})", "one of 'messages'"},
      {R"({"id": "i", "audio": 3, "label": "x"})", "'audio'"},
      {R"({"id": "i", "start": 1, "label": "x"})", "exactly one clip"},
      {R"({"id": "i", "audio": "a", "start": -1, "label": "x"})", "'start'"},
      {R"({"id": "i", "instruction": "q"})", "'output'"},
      {R"({"id": "i", "messages": []})", "'messages'"},
      {R"({"id": "i", "messages": [{"role": "robot", "content": "x"}]})", "robot"},
      {R"({"id": "i", "messages": [{"role": "user", "content": "x"}]})", "assistant"},
      {R"({"id": "i", "label": "x", "references": []})", "'references'"},
      {R"({"id": "i", "id": "j", "label": "x"})", "id"},
  };
  for (const auto& [line, fragment] : wrong) {
    const auto problem = problem_of(std::string(R"({"id": "good", "label": "x"})") + "\n" + line + "\n");
    EXPECT_NE(problem.find("m.jsonl:2: "), std::string::npos) << line << ": " << problem;
    EXPECT_NE(problem.find(fragment), std::string::npos) << line << ": " << problem;
  }
  const auto two = problem_of("x\n{\"id\": \"a\", \"label\": \"l\"}\n{\"id\": \"a\", \"label\": \"l\"}\n");
  EXPECT_NE(two.find(":1: "), std::string::npos);
  EXPECT_NE(two.find(":3: id 'a' stands twice"), std::string::npos);
}

}  // namespace
}  // namespace pal

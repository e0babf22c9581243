#include "pal/data/manifest.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using Json = nlohmann::json;

std::vector<Sample> read(const std::string& text, const PromptOptions& options = {}, const std::string& split = "") {
  TemporaryFolder folder;
  write_file_atomically(folder / "m.jsonl", text);
  return read_manifest({folder / "m.jsonl", split}, options);
}

std::string problem_of(const std::string& text, const std::string& split = "") {
  try {
    read(text, {}, split);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no problem";
}

// What docs/manifest.schema.json is held to, too (tests/parity/manifest_schema_parity.py).
Json cases() { return Json::parse(std::ifstream(std::string(PAL_SOURCE_DIR) + "/tests/data/manifest_cases.json")); }

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
  EXPECT_EQ(samples[0].labels, std::vector<std::string>{"dog"});
  EXPECT_EQ(references_of(samples[0]), std::vector<std::string>{"A dog."});
  EXPECT_EQ(std::filesystem::path(samples[0].clips.at(0).path).filename(), "a.wav");
  EXPECT_EQ(prompt_of(samples[0]).size(), 2u);
}

TEST(Manifest, OfSeveralLabelsAllAreAnsweredAndEachIsRight) {
  PromptOptions options;
  options.answer = "Sounds: {label}";
  const auto samples = read(R"({"audio": "a.wav", "labels": ["Speech", "Music, loud"]})", options);
  EXPECT_EQ(samples.at(0).messages.at(1).content, "Sounds: Speech; Music, loud");
  EXPECT_EQ(references_of(samples[0]), (std::vector<std::string>{"Sounds: Speech", "Sounds: Music, loud"}));
  EXPECT_EQ(samples[0].labels, (std::vector<std::string>{"Speech", "Music, loud"}));
}

TEST(Manifest, OfCaptionsTheFirstIsAnsweredAndAllAreRight) {
  const auto samples = read(R"({"audio": "a.wav", "captions": ["A dog barks.", "Barking."], "label": "dog"}
{"audio": "a.wav", "captions": ["A dog barks.", "Barking."]}
{"audio": "a.wav", "captions": ["A dog barks.", "Barking."], "references": ["Woof."]}
{"audio": "a.wav", "captions": ["A dog barks."]})");
  EXPECT_EQ(samples.at(0).messages.at(1).content, "dog");  // what the label asks for goes first
  EXPECT_EQ(samples.at(1).messages.at(1).content, "A dog barks.");
  EXPECT_EQ(samples[1].references, (std::vector<std::string>{"A dog barks.", "Barking."}));
  EXPECT_EQ(samples.at(2).references, std::vector<std::string>{"Woof."});
  EXPECT_TRUE(samples.at(3).references.empty()) << "what is answered need not stand there twice";
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

TEST(Manifest, LtusArrayIsReadAsItIs) {
  const auto samples = read(R"([
 {
  "instruction": "What is crying?",
  "input": "",
  "dataset": "as_strong_train",
  "audio_id": "/data/sls/LZq4Neh-oWU.flac",
  "output": "A baby.",
  "task": "open-ended question"
 },
 {"instruction": "What is said?", "input": "I am so sad.", "dataset": "d", "audio_id": "sub/b.wav", "output": "Sorrow.", "task": "t"}
])");
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].id, "1");
  EXPECT_EQ(samples[0].clips.at(0).path, "/data/sls/LZq4Neh-oWU.flac");
  EXPECT_EQ(samples[0].messages.at(0).content, "What is crying?");
  EXPECT_EQ(samples[0].messages.at(1).content, "A baby.");
  EXPECT_EQ(samples[1].id, "2");
  EXPECT_TRUE(samples[1].clips.at(0).path.ends_with("/sub/b.wav")) << samples[1].clips[0].path;
  EXPECT_EQ(samples[1].messages.at(0).content, "What is said?\nI am so sad.");
}

TEST(Manifest, MessagesWithAudiosAreReadAsTheyAre) {
  const auto samples = read(R"({"messages": [{"role": "user", "content": "<audio><audio>Same?"}, {"role": "assistant", "content": "No."}], "audios": ["/x/a.mp3", "/x/b.mp3"]})");
  ASSERT_EQ(samples.at(0).clips.size(), 2u);
  EXPECT_EQ(samples[0].clips[1].path, "/x/b.mp3");
  EXPECT_EQ(samples[0].id, "1");
}

TEST(Manifest, ASplitIsChosenAndOtherSamplesAreStillChecked) {
  const std::string text = R"({"label": "a", "split": "train"}
{"label": "b"}
{"label": "c", "split": "test"}
{"label": "d", "split": "train"}
)";
  const auto samples = read(text, {}, "train");
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[1].labels.at(0), "d");
  EXPECT_EQ(samples[1].id, "4") << "a sample's number does not depend on the split";
  EXPECT_EQ(read(text).size(), 4u);
  EXPECT_NE(problem_of(text, "valid").find("none of the 4 samples is of the split 'valid'; there are: (none), test, train"), std::string::npos);
  EXPECT_NE(problem_of(text + "{\"label\": \"\", \"split\": \"test\"}\n", "train").find("m.jsonl:5: 'label'"), std::string::npos);
}

TEST(Manifest, AbsolutePathsAndParentsAreTheUsersOwn) {
  const auto samples = read(R"({"audio": ["/data/a.wav", "../b.wav"], "label": "x"})");
  EXPECT_EQ(samples.at(0).clips.at(0).path, "/data/a.wav");
  EXPECT_TRUE(samples[0].clips.at(1).path.ends_with("/../b.wav"));
}

TEST(Manifest, EveryGoodCaseIsRead) {
  const Json good = cases()["good"];
  ASSERT_GT(good.size(), 10u);
  for (const auto& sample : good) EXPECT_EQ(read(sample.dump()).size(), 1u) << sample;
  EXPECT_EQ(read(good.dump()).size(), good.size());  // and all of them as an array
}

TEST(Manifest, WrongLinesAreNamedAllAtOnce) {
  const Json bad = cases()["bad"];
  ASSERT_GT(bad.size(), 25u);
  for (const auto& one : bad) {
    const auto line = one["sample"].dump();
    const auto problem = problem_of(std::string(R"({"id": "good", "label": "x"})") + "\n" + line + "\n");
    EXPECT_NE(problem.find("m.jsonl:2: "), std::string::npos) << line << ": " << problem;
    EXPECT_NE(problem.find(one["message"].get<std::string>()), std::string::npos) << line << ": " << problem;
  }
  EXPECT_NE(problem_of("nonsense").find("m.jsonl:1: not valid JSON"), std::string::npos);
  EXPECT_NE(problem_of(R"({"id": "i", "id": "j", "label": "x"})").find("stands there twice"), std::string::npos);
  const auto two = problem_of("x\n{\"id\": \"a\", \"label\": \"l\"}\n{\"id\": \"a\", \"label\": \"l\"}\n");
  EXPECT_NE(two.find(":1: "), std::string::npos);
  EXPECT_NE(two.find(":3: id 'a' stands twice"), std::string::npos);
}

TEST(Manifest, HostileNestingIsRefused) {
  const std::string deep(1000000, '[');
  EXPECT_NE(problem_of("{\"label\": \"x\", \"other\": " + deep).find("m.jsonl:1: "), std::string::npos);
  EXPECT_NE(problem_of("[{\"label\": \"x\", \"other\": " + deep).find("nested more than"), std::string::npos);
}

}  // namespace
}  // namespace pal

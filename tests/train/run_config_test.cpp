#include "pal/train/run_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::string config_with(const std::string& chat_template) {
  return "model: {llm: {path: llm.gguf}}\ndata:\n  prompt:\n    template: \"" + chat_template + "\"\n";
}

TEST(RunConfig, ATemplateFileBecomesItsTextSoThatCheckpointsHoldIt) {
  TemporaryFolder folder;
  const std::string text = "{# 'a' \"b\" #}\n{%- for m in messages %}\n  {{ m.content }}\t\\ : {x}\n{%- endfor %}\n\n";
  write_file_atomically(folder / "chat.jinja", text);
  const auto config = parse_run_config(config_with((folder / "chat.jinja").string()), "test");
  EXPECT_EQ(config.data.prompt.chat_template, text);
  std::filesystem::remove(folder / "chat.jinja");
  EXPECT_EQ(parse_run_config(run_config_yaml(config), "checkpoint").data.prompt.chat_template, text);
}

TEST(RunConfig, ATemplateMayStandInTheConfigItself) {
  const auto config = parse_run_config(config_with("{{ messages[0].content }}"), "test");
  EXPECT_EQ(config.data.prompt.chat_template, "{{ messages[0].content }}");
  EXPECT_EQ(parse_run_config("model: {llm: {path: llm.gguf}}", "test").data.prompt.chat_template, "");
}

TEST(RunConfig, TemplatesThatCannotBeReadAreRefusedAtTheirLine) {
  const auto read = [](const std::string& chat_template) { return [=] { parse_run_config(config_with(chat_template), "test"); }; };
  EXPECT_THAT(read("nowhere.jinja"), ThrowsMessage<UserError>(HasSubstr("test:4: 'data.prompt.template': nowhere.jinja")));
  EXPECT_THAT(read("{% frobnicate %}"), ThrowsMessage<UserError>(HasSubstr("frobnicate")));
  TemporaryFolder folder;
  write_file_atomically(folder / "chat.txt", "no template");
  EXPECT_THAT(read((folder / "chat.txt").string()), ThrowsMessage<UserError>(HasSubstr("no {{ ... }} and no {% ... %}")));
}

TEST(RunConfig, AManifestMayBeOneSplitOfIt) {
  const auto config_of = [](const std::string& data) { return parse_run_config("model: {llm: {path: llm.gguf}}\ndata: " + data, "test"); };
  const auto config = config_of("{train: {path: a.jsonl, split: fold1}, test: b.jsonl}");
  EXPECT_EQ(config.data.train.list.at(0).manifest.path, "a.jsonl");
  EXPECT_EQ(config.data.train.list.at(0).manifest.split, "fold1");
  EXPECT_EQ(config.data.test.path, "b.jsonl");
  EXPECT_EQ(config.data.test.split, "");
  EXPECT_TRUE(config.data.validation.empty());
  const auto again = parse_run_config(run_config_yaml(config), "checkpoint");
  EXPECT_EQ(again.data.train.list.at(0).manifest.split, "fold1");
  EXPECT_EQ(again.data.test.path, "b.jsonl");
  EXPECT_THAT([&] { config_of("{train: {path: a.jsonl, spilt: fold1}}"); },
              ThrowsMessage<UserError>(HasSubstr("test:2: unknown key 'data.train.spilt'; did you mean 'split'?")));
  EXPECT_THAT([&] { config_of("{train: {split: fold1}}"); }, ThrowsMessage<UserError>(HasSubstr("'data.train.path' is missing")));
  EXPECT_THAT([&] { config_of("{train: {}, test: [a.jsonl]}"); }, ThrowsMessage<UserError>(HasSubstr("data.test")));
}

TEST(RunConfig, TrainingMixesManifestsByWeights) {
  const auto config_of = [](const std::string& data) { return parse_run_config("model: {llm: {path: llm.gguf}}\ndata: " + data, "test"); };
  const auto config = config_of("{train: [{path: a.jsonl, weight: 3}, {path: b.jsonl, split: fold1, weight: 1}]}");
  const auto again = parse_run_config(run_config_yaml(config), "checkpoint");
  for (const auto& one : {config, again}) {
    ASSERT_EQ(one.data.train.list.size(), 2u);
    EXPECT_TRUE(one.data.train.weighted());
    EXPECT_EQ(one.data.train.list[0].weight, 3);
    EXPECT_EQ(one.data.train.list[1].manifest.split, "fold1");
  }
  EXPECT_FALSE(config_of("{train: [a.jsonl, b.jsonl]}").data.train.weighted());
  EXPECT_THAT([&] { config_of("{train: [{path: a.jsonl, weight: 3}, b.jsonl]}"); }, ThrowsMessage<UserError>(HasSubstr("test:2: 'data.train': some manifests")));
  EXPECT_THAT([&] { config_of("{train: [{path: a.jsonl, weight: -1}]}"); }, ThrowsMessage<UserError>(HasSubstr("weight")));
}

}  // namespace
}  // namespace pal

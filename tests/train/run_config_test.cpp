#include "pal/train/run_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "support/temporary_folder.h"

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

}  // namespace
}  // namespace pal

#include "pal/text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "pal/core/check.h"
#include "pal/core/files.h"

namespace pal {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::vector<Message> kChat = {{"user", "Q"}, {"assistant", "A"}};

// What rendering throws, or nothing.
std::optional<std::string> error_of(const std::string& source, const std::vector<Message>& messages = kChat) {
  try {
    ChatTemplate(source).render(messages, false);
  } catch (const UserError& error) {
    return error.what();
  }
  return std::nullopt;
}

std::vector<Message> messages_of(const json& list) {
  std::vector<Message> messages;
  for (const json& message : list) messages.push_back({message["role"], message["content"]});
  return messages;
}

// Recorded by tests/parity/chat_template_cases.py, which says what the cases are. PAL_TEMPLATE_CASES names another file:
// tests/parity/text_parity.py runs this test on random templates.
TEST(ChatTemplate, RendersAsJinja2OrRefuses) {
  const char* other = std::getenv("PAL_TEMPLATE_CASES");
  const json cases =
      json::parse(read_file(other ? other : PAL_SOURCE_DIR "/tests/text/chat_template_cases.json"));
  ASSERT_GT(cases.size(), 100u);
  std::size_t refused_in_vain = 0;
  for (const json& one : cases) {
    const auto source = one["template"].get<std::string>();
    std::optional<std::string> output;
    std::string error;
    try {
      output = ChatTemplate(source, "<s>", "</s>").render(messages_of(one["messages"]), one["generate"]);
    } catch (const UserError& refused) {
      error = refused.what();
      EXPECT_THAT(error, HasSubstr("chat template")) << source;
    }
    if (one.contains("names")) {
      EXPECT_THAT(error, HasSubstr(one["names"].get<std::string>())) << source;
    }
    if (one["output"].is_null()) {
      EXPECT_FALSE(output.has_value()) << source << "\nshould be refused, gave: " << output.value_or("");
    } else if (other && !output) {  // a random template may be refused, but never rendered otherwise
      ++refused_in_vain;
    } else {
      EXPECT_EQ(output, one["output"].get<std::string>()) << source << "\n" << error;
    }
  }
  EXPECT_LE(refused_in_vain, cases.size() / 50) << "of " << cases.size();
}

}  // namespace
}  // namespace pal

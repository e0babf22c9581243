#include "pal/text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/random.h"
#include "pal/text/tokenizer.h"
#include "pal/core/temporary_folder.h"

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

TEST(ChatTemplate, ErrorsNameTheLineAndTheConstruct) {
  EXPECT_EQ(error_of("a\n{% if true %}\n{{ 'x' | fancy }}{% endif %}"),
            "chat template, line 3: the filter 'fancy' is not supported");
  EXPECT_EQ(error_of("\n\n{{ raise_exception('no system role') }}"), "chat template, line 3: no system role");
  EXPECT_EQ(error_of("{{ messages[0].name.first }}"), "chat template, line 1: 'name' is undefined");
  EXPECT_EQ(error_of("{% block x %}{% endblock %}"),
            "chat template, line 1: '{% block %}' is not supported here");
}

// Each would take for ever, or all memory, or the stack.
TEST(ChatTemplate, HostileTemplatesAreStopped) {
  const std::string loop = "{% for i in range(1000) %}";
  const auto repeated = [](const std::string& part, int times) {
    std::string text;
    while (times-- > 0) text += part;
    return text;
  };
  const std::string in_loops = loop + loop + loop + "x{% endfor %}{% endfor %}{% endfor %}";
  EXPECT_THAT(error_of(in_loops).value_or(""), HasSubstr("stopped after"));
  EXPECT_THAT(error_of("{{ range(100000000) }}").value_or(""), HasSubstr("more than 100000"));
  const std::string ns = "{% set ns = namespace(x='ab') %}" + loop;
  EXPECT_THAT(error_of(ns + "{% set ns.x = ns.x ~ ns.x %}{% endfor %}").value_or(""),
              HasSubstr("grows beyond"));
  EXPECT_THAT(error_of(ns + "{% set ns.x = ns.x|replace('a', ns.x) %}{% endfor %}").value_or(""),
              HasSubstr("grows beyond"));
  EXPECT_THAT(error_of(ns + "{% set ns.x = [ns.x] %}{% endfor %}").value_or(""),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(error_of(ns + "{% set ns.x = ns %}{% endfor %}").value_or(""), HasSubstr("inside a namespace"));
  const std::string wide =
      "{% set ns = namespace(x=[], y=[]) %}{% for i in range(45) %}{% set ns.x = [ns.x, ns.x] %}"
      "{% set ns.y = [ns.y, ns.y] %}{% endfor %}";
  EXPECT_THAT(error_of(wide + "{{ ns.x == ns.y }}").value_or(""), HasSubstr("stopped after"));
  EXPECT_TRUE(error_of(wide + "{{ ns.x | tojson }}").has_value());
  const int deep = 100'000;
  EXPECT_THAT(error_of("{{ " + repeated("(", deep) + "1" + repeated(")", deep) + " }}").value_or(""),
              HasSubstr("too deeply"));
  EXPECT_THAT(error_of("{{ " + repeated("not ", deep) + "1 }}").value_or(""), HasSubstr("too deeply"));
  EXPECT_THAT(error_of("{{ 1" + repeated(" + 1", deep) + " }}").value_or(""), HasSubstr("too deeply"));
  EXPECT_THAT(error_of("{{ x" + repeated(".x", deep) + " }}").value_or(""), HasSubstr("too deeply"));
  EXPECT_THAT(error_of("{{ 1" + repeated(" if 1 else 1", deep / 4) + " }}").value_or(""),
              HasSubstr("too deeply"));
  EXPECT_THAT(error_of("{{ " + repeated("[", deep) + repeated("]", deep) + " }}").value_or(""),
              HasSubstr("too deeply"));
  EXPECT_THAT(error_of(repeated("{% if 1 %}", deep / 2)).value_or(""), HasSubstr("too deeply"));
  EXPECT_THAT(error_of(std::string(2 << 20, 'x')).value_or(""), HasSubstr("at most"));
  EXPECT_THAT(error_of("\xFF").value_or(""), HasSubstr("UTF-8"));
}

TEST(ChatTemplate, AGivenTemplateComesBeforeTheTokenizersOwn) {
  TemporaryFolder folder;
  write_file_atomically(folder / "tokenizer.model", read_file(PAL_SOURCE_DIR "/tests/golden/spm_llama2like.model"));
  const auto without = load_tokenizer(folder / "tokenizer.model");
  EXPECT_THAT([&] { chat_template_of(*without); }, testing::ThrowsMessage<UserError>(HasSubstr("no chat template")));
  write_file_atomically(folder / "chat_template.jinja", "own {{ messages[0].content }}");
  const auto tokenizer = load_tokenizer(folder / "tokenizer.model");
  EXPECT_EQ(chat_template_of(*tokenizer).render(kChat, false), "own Q");
  EXPECT_EQ(chat_template_of(*tokenizer, "{{ bos_token }}{{ messages[1].content }}{{ eos_token }}").render(kChat, false), "<s>A</s>");
}

TEST(ChatTemplate, DamagedTemplatesRenderOrAreRefused) {
  const json cases = json::parse(read_file(PAL_SOURCE_DIR "/tests/text/chat_template_cases.json"));
  RandomStream random(stream_seed(1, "template damage"));
  int refused = 0;
  constexpr int kRounds = 3000;
  for (int round = 0; round < kRounds; ++round) {
    auto source = cases[random.below(cases.size())]["template"].get<std::string>();
    for (std::uint64_t change = random.below(3) + 1; change > 0 && !source.empty(); --change) {
      const std::size_t at = random.below(source.size());
      const std::size_t length = random.below(6);
      if (random.below(2) == 0) {
        source.erase(at, length);
      } else {
        const std::string other = cases[random.below(cases.size())]["template"];
        source.insert(at, other.substr(random.below(other.size() + 1), length));
      }
    }
    refused += error_of(source).has_value() ? 1 : 0;
  }
  EXPECT_GT(refused, kRounds / 10);
  EXPECT_LT(refused, kRounds);
}

}  // namespace
}  // namespace pal

#include "pal/text/chat_template.h"

#include <span>
#include <utility>

#include "jinja_evaluator.h"
#include "jinja_parser.h"
#include "pal/core/check.h"
#include "pal/text/tokenizer.h"
#include "unicode.h"

namespace pal {

struct ChatTemplate::Parsed {
  jinja::Body body;
};

ChatTemplate::ChatTemplate(std::string source, std::optional<std::string> bos, std::optional<std::string> eos)
    : source_(std::move(source)),
      bos_(std::move(bos)),
      eos_(std::move(eos)),
      parsed_(std::make_unique<Parsed>(Parsed{jinja::parse(source_)})) {}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const std::vector<Message>& messages, bool add_generation_prompt) const {
  jinja::List list;
  for (const Message& message : messages) {
    PAL_CHECK(!find_invalid_utf8(message.role) && !find_invalid_utf8(message.content),
              "chat template: message {} is not UTF-8", list.size());
    list.emplace_back(jinja::Dictionary{{"role", message.role}, {"content", message.content}});
  }
  jinja::Dictionary variables = {{"messages", std::move(list)},
                                 {"tools", jinja::None{}},
                                 {"documents", jinja::None{}},
                                 {"add_generation_prompt", add_generation_prompt}};
  if (bos_) variables.emplace_back("bos_token", *bos_);
  if (eos_) variables.emplace_back("eos_token", *eos_);
  return jinja::render(parsed_->body, std::move(variables));
}

ChatTemplate chat_template_of(const Tokenizer& tokenizer, std::string source) {
  if (source.empty()) source = tokenizer.chat_template();
  PAL_CHECK(!source.empty(), "the tokenizer's files have no chat template; give one as data.prompt.template");
  const auto text_of = [&](const std::optional<std::int64_t>& id) -> std::optional<std::string> {
    if (!id) return std::nullopt;
    return tokenizer.decode(std::span(&*id, 1));
  };
  return ChatTemplate(std::move(source), text_of(tokenizer.bos()), text_of(tokenizer.eos()));
}

bool looks_like_jinja(std::string_view text) {
  return text.find("{{") != std::string_view::npos || text.find("{%") != std::string_view::npos;
}

}  // namespace pal

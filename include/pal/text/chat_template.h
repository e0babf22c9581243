// Chat templates: a list of messages as the text that a model was trained to read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

class Tokenizer;

// One turn of a conversation.
struct Message {
  std::string role;     // system, user or assistant
  std::string content;  // its text
};

// A chat template in the part of Jinja that the templates of SmolLM2, Llama 2 and 3, Qwen 2.5 and 3, Mistral and Vicuna
// use, rendered as transformers' apply_chat_template renders it (trim_blocks, lstrip_blocks; tools and documents are
// none; strftime_now is not defined, so that a prompt does not depend on the day). Whatever else a template uses is
// refused with its name and line, never rendered otherwise. Rendering is bounded in time and memory. Thread-safe.
class ChatTemplate {
 public:
  // Reads a template. bos, eos: what the template's bos_token and eos_token stand for; undefined where the model has none. Throws
  // UserError where the template cannot be read.
  explicit ChatTemplate(std::string source, std::optional<std::string> bos = {},
                        std::optional<std::string> eos = {});
  ~ChatTemplate();
  // The other one can then only be assigned to or destroyed:
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  // The messages as text. add_generation_prompt: ends with the opening of an assistant's turn. Throws UserError with the
  // template's line, for example where the template raises an exception.
  std::string render(const std::vector<Message>& messages, bool add_generation_prompt) const;

  const std::string& source() const { return source_; }  // Jinja, as given

 private:
  struct Parsed;
  std::string source_;
  std::optional<std::string> bos_;
  std::optional<std::string> eos_;
  std::unique_ptr<Parsed> parsed_;
};

// The chat template of a tokenizer's files, or `source` in its place where that is not empty. Throws UserError where there is neither.
ChatTemplate chat_template_of(const Tokenizer& tokenizer, std::string source = {});

// Whether a text is a template, and not the name of a file with one: it has a statement or an expression.
bool looks_like_jinja(std::string_view text);

}  // namespace pal

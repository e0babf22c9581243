// pal-inspect tokens: a text as token ids, and back.
#include <fmt/ranges.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/text/tokenizer.h"
#include "tools/inspect/inspect.h"

namespace pal {

namespace {

struct TokensArguments {
  std::string tokenizer, text, texts;
  bool special = false;
};

void print_tokens(const Tokenizer& tokenizer, const std::string& text, bool special) {
  const auto ids = tokenizer.encode(text, special);
  fmt::print("{{\"ids\": [{}], \"decoded\": {}}}\n", fmt::join(ids, ", "),
             nlohmann::json(tokenizer.decode(ids)).dump());
}

// Each line of the file is a JSON string.
void print_tokens_of_file(const Tokenizer& tokenizer, const TokensArguments& arguments) {
  std::ifstream file(arguments.texts);
  PAL_CHECK(file.is_open(), "{}: cannot be read", arguments.texts);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const auto text = nlohmann::json::parse(line, nullptr, false);
    PAL_CHECK(text.is_string(), "{}:{}: expected a JSON string, got {}", arguments.texts, number,
              line.substr(0, 60));
    print_tokens(tokenizer, text.get<std::string>(), arguments.special);
  }
}

int run_tokens(const TokensArguments& arguments) {
  const auto tokenizer = load_tokenizer(arguments.tokenizer);
  if (arguments.texts.empty()) {
    print_tokens(*tokenizer, arguments.text, arguments.special);
  } else {
    print_tokens_of_file(*tokenizer, arguments);
  }
  return kDone;
}

}  // namespace

void add_tokens_command(CLI::App& app, std::function<int()>& run) {
  auto arguments = std::make_shared<TokensArguments>();
  auto* command = app.add_subcommand("tokens", "A text as token ids and back, one JSON line");
  command
      ->add_option("--tokenizer", arguments->tokenizer,
                   "a .gguf file, a tokenizer.json, a SentencePiece .model, or a folder with one of the last two")
      ->required();
  auto* text = command->add_option("--text", arguments->text, "the text");
  auto* texts = command->add_option("--texts", arguments->texts, "a file with one JSON string a line");
  text->excludes(texts);
  command->add_flag("--special", arguments->special, "add what the model adds around a text, such as BOS");
  command->footer(
      "Example: pal-inspect tokens --tokenizer assets/smollm2-135m-instruct.gguf --text 'A dog barks.'");
  command->callback([arguments, text, texts, &run] {
    if (text->empty() && texts->empty()) throw CLI::RequiredError("--text or --texts");
    run = [arguments] { return run_tokens(*arguments); };
  });
}

}  // namespace pal

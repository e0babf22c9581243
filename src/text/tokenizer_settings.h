// What stands beside a tokenizer's own file in a Hugging Face folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "added_tokens.h"
#include "pal/text/tokenizer.h"

namespace pal {

// A JSON file of `folder`; nothing where there is none. Throws UserError where it is not JSON.
std::optional<nlohmann::json> read_json_beside(const std::filesystem::path& folder, const char* name);

// The ids that end an answer: `eos`, and every special token of `added` that is known to end a turn or a text.
std::vector<std::int64_t> find_stop_tokens(std::vector<std::int64_t> eos, const std::vector<AddedToken>& added);

// Chat template and stop tokens from tokenizer_config.json, chat_template.jinja and generation_config.json, where they are.
TokenizerSettings read_settings(const std::filesystem::path& folder, std::optional<std::int64_t> bos,
                                std::optional<std::int64_t> eos, const std::vector<AddedToken>& added);

}  // namespace pal

// The file formats of load_tokenizer. `path` is the file itself.
#pragma once

#include <filesystem>
#include <memory>

#include "pal/text/tokenizer.h"

namespace pal {

std::unique_ptr<Tokenizer> load_json_tokenizer(const std::filesystem::path& path);
// A SentencePiece *.model, with tokenizer_config.json, special_tokens_map.json and added_tokens.json beside it.
std::unique_ptr<Tokenizer> load_sentencepiece_tokenizer(const std::filesystem::path& path);
std::unique_ptr<Tokenizer> load_gguf_tokenizer(const std::filesystem::path& path);

}  // namespace pal

// Tokenizers as the files of a Hugging Face folder.
#pragma once

#include <filesystem>

namespace pal {

// Puts the tokenizer of `from` (as load_tokenizer() takes it) into `folder`: the files themselves where it is a folder or a tokenizer.json,
// otherwise tokenizer.json, tokenizer_config.json and generation_config.json made from the GGUF file. Throws UserError for a GGUF file
// whose tokenizer is no byte-level BPE.
void save_tokenizer(const std::filesystem::path& from, const std::filesystem::path& folder);

}  // namespace pal

// What is done with a tokenizer that a hostile file made.
#pragma once

#include <filesystem>

#include "pal/text/tokenizer.h"

namespace pal::fuzz {

// A short text, with what tokenizers treat in ways of their own, there and back.
inline void use_tokenizer(const std::filesystem::path& path) {
  const auto tokenizer = load_tokenizer(path);
  const auto ids = tokenizer->encode("Two dogs  bark, 3 m away.\n<|im_end|><unk></s> \xc3\xa9\xe2\x96\x81<s>", true);
  tokenizer->decode(ids, false);
  tokenizer->decode(ids, true);
}

}  // namespace pal::fuzz

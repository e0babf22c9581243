// The steps that a tokenizer.json names: normalizers, pre-tokenizers and decoders.
#pragma once

#include <memory>
#include <vector>

#include "json_reader.h"
#include "normalizer.h"
#include "pre_tokenizer.h"
#include "token_decoder.h"

namespace pal {

struct TokenizerSteps {
  bool byte_level = false;  // tokens are written in GPT-2's byte alphabet
  std::vector<std::unique_ptr<Normalizer>> normalizers;
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers;
  std::vector<std::unique_ptr<TokenDecoder>> decoders;
};

// Reads `normalizer`, `pre_tokenizer` and `decoder` of the file's root. Throws UserError that names what is not supported.
TokenizerSteps read_tokenizer_steps(const JsonReader& root);

}  // namespace pal

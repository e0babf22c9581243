// The shape of a Llama-like decoder, as its checkpoint states it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "pal/nn/rope.h"

namespace pal {

// The shape; the comments give the letters used elsewhere and Hugging Face's names.
struct DecoderOptions {
  int64_t vocab_size = 0;     // V, tokens
  int64_t width = 0;          // D, hidden_size
  int64_t ffn_width = 0;      // intermediate_size
  int64_t layers = 0;         // decoder layers
  int64_t heads = 0;          // H, query heads
  int64_t kv_heads = 0;       // G, key/value heads
  int64_t head_dim = 0;       // d
  double norm_eps = 1e-5;     // added to the mean square, under the root
  bool tied_head = true;      // the output head is the embedding
  bool qkv_bias = false;      // Qwen2
  bool qk_norm = false;       // Qwen3: RMSNorm over head_dim of queries and keys, before RoPE
  int64_t max_positions = 0;  // what the model was trained for; longer samples are refused
  RopeOptions rope;           // rope.head_dim is head_dim

  int64_t query_width() const { return heads * head_dim; }  // H d
  int64_t kv_width() const { return kv_heads * head_dim; }  // G d
};

// Throws UserError that names what does not fit together.
void check_decoder_options(const DecoderOptions& options, const std::string& where);

// From a Hugging Face folder's config.json; old (rope_theta, rope_scaling) and new (rope_parameters) spellings. An
// architecture or an option that pal does not compute exactly is refused by name.
DecoderOptions decoder_options_from_json(const std::filesystem::path& config_json);

// From the metadata of a GGUF file.
DecoderOptions decoder_options_from_gguf(const std::filesystem::path& file);

}  // namespace pal

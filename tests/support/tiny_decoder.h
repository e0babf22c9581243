// A small decoder with random weights of a size that lets audio matter.
#pragma once

#include "pal/decoder/load_decoder.h"

namespace pal {

inline DecoderOptions tiny_options(int64_t layers = 3) {
  DecoderOptions o;
  o.vocab_size = 53;
  o.width = 32;
  o.ffn_width = 48;
  o.layers = layers;
  o.heads = 4;
  o.kv_heads = 2;
  o.head_dim = 8;
  o.max_positions = 4096;
  o.rope.head_dim = 8;
  return o;
}

// Weights that differ from 1, so that a norm without them is another.
inline void set_norms(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters())
    if (item.key().ends_with("norm.weight")) item.value().copy_(torch::linspace(0.5, 1.5, item.value().numel()));
}

inline Decoder tiny_decoder(int64_t layers = 3, torch::ScalarType type = torch::kFloat64) {
  auto llm = random_decoder(tiny_options(layers), 7, type);
  torch::NoGradGuard no_grad;
  for (auto& parameter : llm->parameters())
    if (parameter.dim() > 1) parameter.mul_(10.0);  // 0.2 instead of 0.02: attention that is far from uniform
  set_norms(*llm);
  return llm;
}

}  // namespace pal

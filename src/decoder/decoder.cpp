#include "pal/decoder/decoder.h"

#include "pal/core/check.h"
#include "pal/nn/linear_product.h"

namespace pal {

EmbeddingImpl::EmbeddingImpl(int64_t vocab_size, int64_t width, torch::TensorOptions options) {
  weight = register_parameter("weight", torch::empty({vocab_size, width}, options));
}

torch::Tensor EmbeddingImpl::forward(const torch::Tensor& ids) { return torch::embedding(weight, ids); }

DecoderImpl::DecoderImpl(const DecoderOptions& o, torch::TensorOptions tensor_options)
    : options(o),
      embed_tokens(o.vocab_size, o.width, tensor_options),
      norm(o.width, o.norm_eps, tensor_options),
      frequencies_(torch::tensor(rope_frequencies(o.rope), torch::kFloat64).to(tensor_options.device())) {
  check_decoder_options(o, "decoder");
  register_module("embed_tokens", embed_tokens);
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < o.layers; ++i) {
    layers.emplace_back(o, tensor_options);
    list->push_back(layers.back());
  }
  register_module("layers", list);
  register_module("norm", norm);
  if (!o.tied_head) lm_head = register_module("lm_head", Linear(o.width, o.vocab_size, false, tensor_options));
}

EmbeddedTokens DecoderImpl::embed(const torch::Tensor& ids) {
  if (lm_head.is_empty()) return tied_embedding(embed_tokens->weight, ids);
  return {embed_tokens(ids), lm_head->weight};
}

const torch::Tensor& DecoderImpl::head_weight() const {
  return lm_head.is_empty() ? embed_tokens->weight : lm_head->weight;
}

torch::Tensor DecoderImpl::logits(const torch::Tensor& hidden) const {
  const auto product = linear_product(hidden, {head_weight()}, {});
  return product.defined() ? product : torch::linear(hidden, head_weight());
}

RopeTable DecoderImpl::rope(const torch::Tensor& ids) const {
  return rope_table(frequencies_, ids, torch::TensorOptions(dtype()).device(device()));
}

}  // namespace pal

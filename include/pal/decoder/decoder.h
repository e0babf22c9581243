// A Llama-like decoder: embedding, layers, final norm and head. Parameter names are Hugging Face's without "model.".
#pragma once

#include "pal/decoder/decoder_layer.h"
#include "pal/nn/tied_embedding.h"

namespace pal {

// One vector for each token of the vocabulary.
struct EmbeddingImpl : torch::nn::Module {
  EmbeddingImpl(int64_t vocab_size, int64_t width, torch::TensorOptions options);  // not initialised
  torch::Tensor forward(const torch::Tensor& ids);                                 // [n] int64 -> [n, width]

  torch::Tensor weight;  // [vocab_size, width]
};
TORCH_MODULE(Embedding);

// The decoder's parts. integration/audio_decoder.h puts rows and audio through them.
struct DecoderImpl : torch::nn::Module {
  // Nothing is initialised: load_decoder() and random_decoder() fill it.
  DecoderImpl(const DecoderOptions& options, torch::TensorOptions tensor_options = {});

  EmbeddedTokens embed(const torch::Tensor& ids);           // what a step that learns reads: ids [n] int64 -> rows [n, D], and the head's weight [V, D]
  const torch::Tensor& head_weight() const;                 // [V, D]; the embedding's where the head is tied
  torch::Tensor logits(const torch::Tensor& hidden) const;  // [n, D] after the final norm -> [n, V]
  RopeTable rope(const torch::Tensor& ids) const;           // ids [n] int64, on the decoder's device; in its type

  torch::Device device() const { return embed_tokens->weight.device(); }          // of all parameters
  torch::ScalarType dtype() const { return embed_tokens->weight.scalar_type(); }  // of all parameters

  DecoderOptions options;            // as given
  Embedding embed_tokens;            // [V, D]
  std::vector<DecoderLayer> layers;  // first to last
  RmsNorm norm;                      // the final one
  Linear lm_head{nullptr};           // empty where the head is tied

 private:
  torch::Tensor frequencies_;  // [head_dim / 2] float64, on the device
};
TORCH_MODULE(Decoder);

}  // namespace pal

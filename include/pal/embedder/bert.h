// BERT's encoder: a transformer whose tokens all see each other.
//
//   R tokens of all texts back to back (packed, nothing is padded), D width, H heads, d = D / H.
#pragma once

#include <torch/torch.h>

#include <filesystem>

#include "pal/nn/attention.h"
#include "pal/nn/linear.h"

namespace pal {

// The shape of an encoder; the numbers are those of all-MiniLM-L6-v2.
struct BertOptions {
  int64_t vocab_size = 30522;  // rows of the embedding
  int64_t width = 384;         // D
  int64_t heads = 12;          // H
  int64_t ffn = 1536;          // hidden width of the feed-forward
  int64_t layers = 6;          // transformer layers
  int64_t positions = 512;     // tokens of the longest text
  int64_t token_types = 2;     // rows of the embedding of token types; a text alone is of the first
  double norm_eps = 1e-12;     // of every LayerNorm
};

// The shape that a Hugging Face folder's config.json states. Throws UserError where it is no BERT, or asks for what is not computed.
BertOptions bert_options(const std::filesystem::path& folder);

// dense, then LayerNorm of the sum with what came in before.
struct BertOutputImpl : torch::nn::Module {
  BertOutputImpl(int64_t in, const BertOptions& options);  // not initialised
  torch::Tensor forward(const torch::Tensor& hidden,       // [R, in]
                        const torch::Tensor& before);      // [R, D] -> [R, D]
  Linear dense;                                            // in -> D
  torch::nn::LayerNorm LayerNorm;                          // over D
};
TORCH_MODULE(BertOutput);

// Queries, keys and values of self-attention.
struct BertSelfAttentionImpl : torch::nn::Module {
  explicit BertSelfAttentionImpl(const BertOptions& options);  // not initialised
  torch::Tensor forward(const torch::Tensor& x, const AttentionPlan& plan, const AttentionBackend& backend);  // [R, D] -> [R, D]
  Linear query, key, value;                                                                                   // D -> D
  int64_t heads;                                                                                              // H
};
TORCH_MODULE(BertSelfAttention);

// A layer: attention and feed-forward (GELU), each with its residual and a LayerNorm behind it.
struct BertLayerImpl : torch::nn::Module {
  explicit BertLayerImpl(const BertOptions& options);  // not initialised
  torch::Tensor forward(const torch::Tensor& x, const AttentionPlan& plan, const AttentionBackend& backend);  // [R, D] -> [R, D]
  BertSelfAttention self{nullptr};      // attention.self
  BertOutput attention_output{nullptr};  // attention.output
  Linear intermediate{nullptr};          // D -> ffn; intermediate.dense
  BertOutput output{nullptr};            // ffn -> D
};
TORCH_MODULE(BertLayer);

// The encoder without its pooler. Parameter names are those of Hugging Face's BertModel.
struct BertImpl : torch::nn::Module {
  explicit BertImpl(const BertOptions& options);  // not initialised
  // The last layer's output, [R, D].
  torch::Tensor forward(const torch::Tensor& ids,        // [R] int64
                        const torch::Tensor& positions,  // [R] int64: of each token in its text, from 0
                        const AttentionPlan& plan,       // a segment a text, not causal
                        const AttentionBackend& backend);
  BertOptions options;                                                              // as given
  torch::Tensor word_embeddings, position_embeddings, token_type_embeddings;        // [vocab_size, D], [positions, D], [token_types, D]
  torch::nn::LayerNorm LayerNorm{nullptr};                                          // of their sum
  std::vector<BertLayer> layers;                                                    // in order
};
TORCH_MODULE(Bert);

}  // namespace pal

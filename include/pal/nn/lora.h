// Low-rank adaptation of linear layers (Hu et al. 2021): y = W x + b + (alpha / rank) B A dropout(x), of which A and B learn.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pal {

// Which linear layers get an adapter, and its size.
struct LoraOptions {
  std::string layers;    // pattern of their names (core/name_pattern.h): llm.layers.*.self_attn.q_proj
  int64_t rank = 8;      // rows of A, columns of B
  double alpha = 16.0;   // the update's weight, times rank
  double dropout = 0.0;  // share of x's elements that A does not see while training
};

// The update of one linear layer: a part of LinearImpl.
struct Lora {
  torch::Tensor A, B;    // [rank, in], [out, rank]
  double scale = 1.0;    // alpha / rank
  double dropout = 0.0;  // share of elements of x that A does not see while training
  // While a step is trained, the seed of this layer's mask; the same seed gives the same mask again, which recomputed layers and
  // resumed runs rely on. None: nothing is dropped.
  std::optional<uint64_t> mask_seed;

  torch::Tensor forward(const torch::Tensor& x) const;  // [..., in] -> [..., out]
  torch::Tensor update() const;                         // scale B A, [out, in]: what the weight becomes richer by
};

// Puts adapters into the linear layers of `root` that the patterns match; where several match, the last counts. A is drawn uniformly in
// +-1/sqrt(in) from `seed` and the layer's name, B is zero: at first nothing changes. Parameters NAME.lora_A and NAME.lora_B. Throws
// UserError for a pattern that matches no linear layer and for values out of range.
void add_lora(torch::nn::Module& root, const std::vector<LoraOptions>& options, uint64_t seed);

// The masks of the next forward and its backward, in every adapter of `root` that has dropout; none ends dropping.
void set_lora_masks(torch::nn::Module& root, std::optional<uint64_t> seed);

}  // namespace pal

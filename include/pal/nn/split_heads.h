// From the products of a layer's projections to what attention reads: heads, rotated, and keys in the order of the plan's segments.
#pragma once

#include "pal/nn/attention.h"
#include "pal/nn/rope.h"

namespace pal {

// What AttentionBackend::attend_in_order() takes.
struct SplitHeads {
  torch::Tensor queries;       // [R, H, d]
  torch::Tensor keys, values;  // [keys, G, d], in the order that was asked for
};

// Projections of the slots that attention reads, and their rotations.
struct HeadProducts {
  torch::Tensor rows;   // [R, (H + 2 G) d]: queries, keys and values side by side
  RopeTable rope;       // of the rows
  torch::Tensor audio;  // [A, 2 G d]: keys and values; not defined where none is read
  RopeTable audio_rope;  // of the audio
};

// One pass over each product, and one back. order: the plan's key_order(); none: the rows, then the audio. query_heads: H, head_dim: d.
SplitHeads split_heads(const HeadProducts& products, const std::optional<KeyOrder>& order, int64_t query_heads, int64_t head_dim);

// A cache, and where in it new rows go.
struct HeadCache {
  torch::Tensor keys, values;  // [slots, G, d]
  torch::Tensor places;        // [R] int64, all different
};

// Of rows alone: writes their keys and values into the cache -> their queries, [R, H, d]. Without autograd.
torch::Tensor split_heads_into(const HeadCache& cache, const torch::Tensor& rows, const RopeTable& rope, int64_t query_heads, int64_t head_dim);

// split_heads_into() in torch's operators: the reference, and for types that have no kernel.
torch::Tensor naive_split_heads_into(const HeadCache& cache, const torch::Tensor& rows, const RopeTable& rope, int64_t query_heads, int64_t head_dim);
// The same of split_heads().
SplitHeads naive_split_heads(const HeadProducts& products, const std::optional<KeyOrder>& order, int64_t query_heads, int64_t head_dim);

}  // namespace pal

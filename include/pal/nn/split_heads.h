// From the products of a layer's projections to what attention reads: heads, rotated, and keys in the order of the plan's segments.
#pragma once

#include "pal/nn/attention.h"
#include "pal/nn/rope.h"

namespace pal {

// What AttentionBackend::attend_in_order() takes.
struct SplitHeads {
  torch::Tensor queries;       // [R, H, d]
  torch::Tensor keys, values;  // [sum of keys, G, d], in the plan's key_order()
};

// Projections of the slots that attention reads, and their rotations.
struct HeadProducts {
  torch::Tensor rows;   // [R, (H + 2 G) d]: queries, keys and values side by side
  RopeTable rope;       // of the rows
  torch::Tensor audio;  // [A, 2 G d]: keys and values; not defined where none is read
  RopeTable audio_rope;  // of the audio
};

// One pass over each product, and one back; the plan's keys are the rows, then the audio. query_heads: H, head_dim: d.
SplitHeads split_heads(const HeadProducts& products, const AttentionPlan& plan, int64_t query_heads, int64_t head_dim);

// The same in torch's operators: the reference, and for types that have no kernel.
SplitHeads naive_split_heads(const HeadProducts& products, const AttentionPlan& plan, int64_t query_heads, int64_t head_dim);

}  // namespace pal

// Attention's weights themselves, for looking at: no backend but the naive one ever has them.
#pragma once

#include "pal/nn/attention.h"

namespace pal {

// Softmax weights of some rows over all keys, in float64: 0 where the row does not see the key, and 1 in sum over the keys.
//   queries [R, H, d], keys [K, G, d] as AttentionBackend::attend() takes them; rows [n] int64, CPU: which of the R rows -> [H, n, K]
torch::Tensor attention_weights(const torch::Tensor& queries, const torch::Tensor& keys, const AttentionPlan& plan, double scale,
                                const torch::Tensor& rows);

}  // namespace pal

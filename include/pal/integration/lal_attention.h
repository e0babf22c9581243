// LAL: audio enters a layer only as keys and values (paper, "LAL").
//
//            text before   LAL audio      summary    text after
//   slots    0 1 2 3       4 5 6 7 8 9    10 11 12   13 14 15 16       one id a slot, in temporal order
//   rows     q q q q       . . . . . .    q  q  q    q  q  q  q        queries, residual stream, FFN
//   keys     k k k k       k k k k k k    k  k  k    k  k  k  k        audio: the layer's own norm, k_proj, v_proj and RoPE
//            `- run 1 -'                  `------- run 2 ------'       segments: run 1 sees 0..3, run 2 sees 0..16
//
// Audio tokens are the connector's output, the same at every layer: never updated, never a query, never in an FFN. Their norm is, too, but for its weight: it is computed
// once, and weights are multiplied into a layer's k_proj and v_proj (HeardAudio). At a layer that does not read them this is plain self-attention over rows.
#pragma once

#include "pal/decoder/decoder_layer.h"

namespace pal {

// The keys and values that a layer's rows attend to: their own, then those of the audio (not defined: nothing is read here).
KeyValues joint_keys_values(DecoderLayerImpl& layer,
                            const torch::Tensor& normed,  // [R, D] rows after the layer's input norm
                            const RopeTable& rope,        // of the rows
                            const HeardAudio& audio);     // connector outputs

// Key/value heads that do not hear, for probing: their query heads attend by a plan of their own.
struct DeafHeads {
  std::vector<int64_t> groups;                // of the key/value heads; empty: all hear, and there is no plan
  std::shared_ptr<const AttentionPlan> plan;  // of rows alone, which come first among the keys
};

// SelfAttention::attend() with heads that do not hear: the same rows and keys, but for `deaf.groups` by their plan. -> [R, D] or [N, D]
torch::Tensor attend_joint(DecoderLayerImpl& layer, const torch::Tensor& queries, const KeyValues& all, const AttentionPlan& plan,
                           const DeafHeads& deaf, const AttentionBackend& backend, const torch::Tensor& onward = {});

// Joint attention of one layer, of rows after its input norm, [R, D] -> [R, D]: what the layer adds to its rows before the feed-forward. `kept`, where given,
// receives the keys and values: they depend on nothing that comes later, so generation caches them. `onward`, where defined: the rows that go on from here -> [N, D].
torch::Tensor lal_attention(DecoderLayerImpl& layer, const torch::Tensor& normed, const RopeTable& rope, const HeardAudio& audio, const AttentionPlan& plan, const AttentionBackend& backend,
                            KeyValues* kept = nullptr, const DeafHeads& deaf = {}, const torch::Tensor& onward = {});

}  // namespace pal

// LAL: audio enters a layer only as keys and values (paper, "LAL").
//
//            text before   LAL audio      summary    text after
//   slots    0 1 2 3       4 5 6 7 8 9    10 11 12   13 14 15 16       one id a slot, in temporal order
//   rows     q q q q       . . . . . .    q  q  q    q  q  q  q        queries, residual stream, FFN
//   keys     k k k k       k k k k k k    k  k  k    k  k  k  k        audio: the layer's own norm, k_proj, v_proj and RoPE
//            `- run 1 -'                  `------- run 2 ------'       segments: run 1 sees 0..3, run 2 sees 0..16
//
// Audio tokens are the connector's output, the same at every layer: never updated, never a query, never in an FFN. At a layer
// that does not read them this is plain self-attention over rows.
#pragma once

#include "pal/decoder/decoder_layer.h"

namespace pal {

struct LalAttention {
  const AttentionBackend& backend;

  // The attention block with its residual: rows + o_proj(softmax(...)), [R, D].
  torch::Tensor operator()(DecoderLayerImpl& layer,
                           const torch::Tensor& rows,    // [R, D]
                           const RopeTable& rope,        // of the rows
                           const torch::Tensor& audio,   // [A, D] connector outputs; not defined: nothing is read here
                           const RopeTable& audio_rope,  // of the audio
                           const AttentionPlan& plan) const;

  // A layer's keys and values of audio [A, D]; they depend on nothing but the connector's output, so generation caches them.
  static KeyValues audio_keys_values(DecoderLayerImpl& layer, const torch::Tensor& audio, const RopeTable& audio_rope);
};

}  // namespace pal

// One layer of a Llama-like decoder, whose attention is what PLITS, LAL and cached generation make of its pieces.
//
//   R rows (slots that form queries), K slots that are keys and values, D width, H query heads, G key/value heads, d head width.
#pragma once

#include <functional>

#include "pal/decoder/decoder_options.h"
#include "pal/nn/attention.h"
#include "pal/nn/linear.h"
#include "pal/nn/rms_norm.h"
#include "pal/nn/rope.h"
#include "pal/nn/split_heads.h"
#include "pal/nn/swiglu_mlp.h"

namespace pal {

// Keys and values of n slots, each [n, G, d], rotated to their slots' positions.
struct KeyValues {
  torch::Tensor keys, values;  // only keys are rotated
};

// The rows of x at `onward`, [N] int64; all of them where it is not defined. So a layer leaves out rows that nobody reads after it.
torch::Tensor rows_at(const torch::Tensor& x, const torch::Tensor& onward);

// The slots of `a`, then those of `b`.
KeyValues concat(const KeyValues& a, const KeyValues& b);

// Audio that layers read as keys and values, prepared once for all that read the same; not defined where nothing is read.
struct HeardAudio {
  torch::Tensor unit;  // [A, D]: tokens after unit_rms(). A layer's input norm of them is this times the norm's weight
  RopeTable rope;      // of their positions
};

// Grouped-query attention without its softmax, which is the backend's. H, G and d are the options' heads, kv_heads and head_dim.
struct SelfAttentionImpl : torch::nn::Module {
  SelfAttentionImpl(const DecoderOptions& options, torch::TensorOptions tensor_options);  // not initialised

  torch::Tensor queries(const torch::Tensor& normed,  // [R, D] after the layer's input norm
                        const RopeTable& rope);       // -> [R, H, d]
  // Keys and values of rows, [R, G, d] each.
  KeyValues keys_values(const torch::Tensor& normed,  // [R, D] after the layer's input norm
                        const RopeTable& rope);
  // Of audio, [A, G, d] each. scale: the weight of the layer's input norm, [D].
  KeyValues keys_values(const HeardAudio& audio, const torch::Tensor& scale);
  // queries(), while the rows' keys and values go into a cache. Without autograd.
  torch::Tensor queries_into(const HeadCache& cache, const torch::Tensor& normed, const RopeTable& rope);
  // Joint softmax of the queries over all visible keys, then the output projection -> [R, D]; of the rows at `onward` alone where it is defined -> [N, D].
  torch::Tensor attend(const torch::Tensor& queries, const KeyValues& all, const AttentionPlan& plan,
                       const AttentionBackend& backend, const torch::Tensor& onward = {});

  // All of the above at once, for a backend that reads keys in order: fewer and larger products, one pass over what they give -> [R, D] or [N, D].
  // kept: where it is not null, keys and values of the rows, then of the audio.
  torch::Tensor attend_jointly(const torch::Tensor& normed, const RopeTable& rope,        // rows after the layer's input norm
                               const HeardAudio& audio, const torch::Tensor& audio_scale,  // what is read, and the weight of the layer's input norm
                               const AttentionPlan& plan, const AttentionBackend& backend, const torch::Tensor& onward = {}, KeyValues* kept = nullptr);
  // Whether it can.
  bool can_attend_jointly(const AttentionBackend& backend) const { return backend.reads_in_order() && q_norm.is_empty(); }

  Linear q_proj, k_proj, v_proj, o_proj;     // D -> H d, D -> G d, D -> G d (laid together), H d -> D
  RmsNorm q_norm{nullptr}, k_norm{nullptr};  // over d; empty where the model has none
  int64_t head_dim;                          // d
};
TORCH_MODULE(SelfAttention);

// The residual stream between layers, the sum of two, [R, D] each ([N, D] after a layer with `onward`). What the last layer adds is left to the next norm,
// which takes the sum in its own pass.
struct Residual {
  torch::Tensor rows, update;  // update: not defined where rows are all
};

// Pre-norm attention and feed-forward. What attends is the caller's: rows alone, rows and audio, new rows over a cache.
struct DecoderLayerImpl : torch::nn::Module {
  DecoderLayerImpl(const DecoderOptions& options, torch::TensorOptions tensor_options);  // not initialised

  // attend: attention over [R, D] normed rows -> [R, D], or [N, D] of those at `onward` alone, which then are all that goes on.
  Residual forward(Residual stream, const std::function<torch::Tensor(const torch::Tensor&)>& attend, const torch::Tensor& onward = {});
  // What comes after attention: mixed is what it adds to the rows, both of one shape.
  Residual feed_forward(torch::Tensor rows, torch::Tensor mixed);

  RmsNorm input_layernorm, post_attention_layernorm;  // over D, before attention and before the feed-forward
  SelfAttention self_attn;                            // joint over rows and audio
  SwigluMlp mlp;                                      // of rows only
};
TORCH_MODULE(DecoderLayer);

}  // namespace pal

// What one decoder layer keeps of its forward, and what its backward makes and frees, in bytes: from shapes and from what learns. It follows a layer of run_layers() and what
// that calls (nn/rms_norm, joint_linear, split_heads, the attention backends, swiglu_mlp); whoever changes what those keep changes this, and
// tests/bench/step_memory_test.cpp tells.
#pragma once

#include <c10/core/Device.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "pal/integration/pal_model.h"

namespace pal {

// Bytes held now, and the most that they have been.
struct Ledger {
  int64_t now = 0, peak = 0;

  void use(int64_t bytes) { peak = std::max(peak, now + bytes); }  // for a moment
  void hold(int64_t bytes) { use(bytes), now += bytes; }
  void release(int64_t bytes) { now -= bytes; }
};

// How operations are computed, on which depends what they keep.
struct ComputeKind {
  int64_t element = 4, wide = 4;  // bytes of a number, and of one that sums are made in
  bool is_cuda = false;
  bool has_kernels = true;  // pal's own for norms, heads, SwiGLU and cross-entropy; else torch's operators
  bool fused_norm = true;   // a norm keeps its input; else copies of it in float32
  bool flash = false;       // the attention backend
  bool joint = true;        // queries, keys and values come of one product
};
ComputeKind compute_kind(const ModelOptions& model, const DecoderOptions& decoder, c10::DeviceType device);

// What goes through a layer, of all samples. Keys in the order of segments: one that two segments read counts twice.
struct LayerShape {
  int64_t rows = 0, audio = 0, keys = 0;  // R, A, K
  int64_t segments = 0;
  int64_t segment_rows = 0, segment_keys = 0;  // of the largest segment
  int64_t onward = -1;                         // rows that go on after attention, gathered; < 0: all, as they are
  int64_t masked = 0;                          // rows times keys of a sample's segments that need a mask where the kernel knows no bottom-right one
};

// What needs a gradient in a layer: its inputs, and its parameters as the bytes of their gradients (0: frozen), adapters included.
struct LayerLearning {
  bool rows = false, audio = false;
  int64_t input_norm = 0, q = 0, k_v = 0, qk_norm = 0, o = 0, post_norm = 0, gate_up = 0, down = 0;
  bool joint_gradient = false;  // q, k and v learn alike, so that their gradients are one tensor
  bool down_adapted = false;    // down has an adapter, which keeps what down reads
  bool k_v_alike = true;        // k and v learn alike and have no adapters, so that the audio's norm is multiplied into them
};

// One operation of the backward: what it makes, what may go then, and gradients of parameters, which stay.
struct BackwardStep {
  int64_t makes = 0, frees = 0, gradients = 0;
};

// Half a layer. Its backward begins with the gradient of its output and ends with that of its input, [R, D] or, after attention, [N, D] of the rows that go on, where they need one.
struct LayerPart {
  int64_t makes = 0;  // in the forward, nearly all of it alive until its end
  int64_t keeps = 0;  // of that, and of its input, for the backward
  std::vector<BackwardStep> backward;
};

// A layer that recomputes nothing.
struct LayerMemory {
  LayerPart attention, feed_forward;
  int64_t rows = 0, onward = 0, heard = 0;  // bytes of [R, D], [N, D] (N: R where all rows go on) and [A, D]
  bool gathers = false;         // the rows that go on are copies
  bool keeps_rows = false;      // attention.keeps has the layer's input
  bool keeps_audio = false;     // the audio read, after unit_rms(), is kept: once for all layers
  int64_t audio_norm = 0;          // what unit_rms() keeps of its input, once for all layers, too
  int64_t audio_norm_buffers = 0;  // what its backward takes for a moment beside its result
  bool learns = false;          // its output needs a gradient
};
LayerMemory layer_memory(const DecoderOptions& decoder, const ComputeKind& kind, const LayerShape& shape, const LayerLearning& learning);

}  // namespace pal

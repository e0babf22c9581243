// Rotary position embedding (Su et al. 2021) in the half-split form of Hugging Face checkpoints.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace pal {

// Llama 3.1's scaling of low frequencies (rope_type "llama3").
struct Llama3RopeScaling {
  double factor = 8.0;                    // by which low frequencies are slowed down
  double low_freq_factor = 1.0;           // wavelengths above original_max_position / this are slowed down in full
  double high_freq_factor = 4.0;          // those below original_max_position / this not at all, those between in part
  double original_max_position = 8192.0;  // positions of the training before the scaling
};

// What fixes the angles.
struct RopeOptions {
  int64_t head_dim = 64;                    // even
  double theta = 10000.0;                   // base of the frequencies
  std::optional<Llama3RopeScaling> llama3;  // where the model has it
  std::vector<double> divisors;             // GGUF's rope_freqs: one divisor of the frequency per pair; empty: none
};

// Angle per position of each pair of dimensions, [head_dim / 2], in float64.
std::vector<double> rope_frequencies(const RopeOptions& options);

// The rotations of n slots: cosines and sines, [n, 1, head_dim / 2], to be broadcast over heads.
struct RopeTable {
  torch::Tensor cos, sin;  // in the type and on the device of rope_table()'s options
};

// The rotations of slots. ids: [n] int64. The angles are computed in float64 and rounded once to `options`' type, on its device.
RopeTable rope_table(const std::vector<double>& frequencies, const torch::Tensor& ids, torch::TensorOptions options);

// The same from frequencies in a tensor on the device of `ids`, [head_dim / 2] float64: nothing comes from the host.
RopeTable rope_table(const torch::Tensor& frequencies, const torch::Tensor& ids, torch::TensorOptions options);

// Rotates x [n, heads, head_dim] by its slots' angles.
torch::Tensor apply_rope(const torch::Tensor& x, const RopeTable& table);

}  // namespace pal

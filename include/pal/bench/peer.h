// The same training step written in Python (src/bench/pytorch_peer.py), run by the user's own interpreter: what pal-bench compares with.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pal/bench/training_bench.h"

namespace pal {

// What a step of the peer took.
struct PeerCost {
  std::vector<double> step_seconds;   // one a timed step: forward, backward, optimizer
  std::optional<int64_t> peak_bytes;  // most that torch's allocator held; CUDA only
  std::string versions;               // "torch 2.11.0, transformers 5.0.0"
};

// What the peer is to do, as it reads it: the LLM's shape with random weights, the batch, what `stage` trains. Its audio layer is one linear layer
// from the first encoder's width; it takes no norm of gradients, has no master copies, and neither reads files nor runs an encoder. integration: what
// integration_streams() made `model` with. Throws UserError for an LLM that is no Llama, and where LAL streams are read by different layers.
nlohmann::json peer_work(const ModelOptions& model, const StageOptions& stage, const BenchBatch& batch, const std::string& integration, int64_t steps,
                         torch::Device device, bool compile);

// Runs `work` in a process of its own. python: an interpreter with torch and transformers. Throws UserError with what it said where it fails.
PeerCost peer_cost(const std::string& python, const nlohmann::json& work);

}  // namespace pal

// The same training step written in Python (src/bench/pytorch_peer.py), run by the user's own interpreter: what pal-bench compares with.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pal/bench/training_bench.h"

namespace pal {

// What the peer's work took.
struct PeerCost {
  std::vector<double> seconds;        // one a timed step (forward, backward, optimizer), or a run of generation
  std::optional<int64_t> peak_bytes;  // most that torch's allocator held; CUDA only
};

// What the peer is to do, as it reads it: the LLM's shape with random weights, the batch, what `stage` trains. Its audio layer is one linear layer
// from the first encoder's width; it takes no norm of gradients, has no master copies, and neither reads files nor runs an encoder. integration: what
// integration_streams() made `model` with. Throws UserError for an LLM that is no Llama, and where LAL streams are read by different layers.
nlohmann::json peer_work(const ModelOptions& model, const StageOptions& stage, const BenchBatch& batch, const std::string& integration, int64_t steps,
                         torch::Device device, bool compile);

// The same for answers of `new_tokens` tokens by transformers' generate(), greedy, `runs` times; PLITS only, since that is all that it can do. The peak is
// what it takes beyond the weights.
nlohmann::json generating_peer_work(const ModelOptions& plits, const BenchBatch& batch, int64_t new_tokens, int64_t runs, torch::Device device);

// Runs `work` in a process of its own. python: an interpreter with torch and transformers. Its versions of both go to the log. Throws UserError with what it said
// where it fails.
PeerCost peer_cost(const std::string& python, const nlohmann::json& work);

}  // namespace pal

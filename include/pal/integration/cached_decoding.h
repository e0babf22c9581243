// Decoding after a prompt without running the prompt again: keys and values of rows and audio are kept per layer.
#pragma once

#include "pal/integration/pal_model.h"

namespace pal {

class StepGraph;  // step_graph.h

// A batch of prompts that has been run through the decoder once.
struct RunPrompt {
  SequenceLayout layout;         // of the prompts
  std::vector<KeyValues> kept;   // per layer: rows, then the audio that the layer reads
  torch::Tensor last_hidden;     // [samples, D]: the hidden state of each sample's last row
  std::vector<int64_t> next_id;  // per sample: the slot id of what comes next
};

RunPrompt run_prompt(PalModel& model, const PalBatch& batch);  // without autograd

// Log-probabilities of continuations: for each sample the sum over the tokens of each candidate, given its prompt.
//   candidates: token ids, at least one each -> [samples, candidates] float64, CPU. In passes over many candidates of all samples.
torch::Tensor score_continuations(PalModel& model, const RunPrompt& prompt,
                                  const std::vector<std::vector<int64_t>>& candidates);

// What may come next, by sample.
struct NextTokens {
  torch::Tensor logits;  // [samples, V]
  torch::Tensor best;    // [samples] int64: where they are largest
};

NextTokens next_tokens(PalModel& model, const torch::Tensor& hidden);  // after rows whose hidden states are [samples, D]

// Takes one token a sample and step, all samples at once. Its tensors stay where they are from the first step to the last; on CUDA the second
// step is recorded as a CUDA graph, which the others replay.
class CachedDecoder {
 public:
  // Moves the prompt's keys and values into caches with room for `max_steps`, layer by layer. Throws UserError where the LLM has no positions for so many.
  CachedDecoder(PalModel& model, RunPrompt prompt, int64_t max_steps);
  ~CachedDecoder();

  // The next step. tokens: [samples] int64, on any device. What is returned is on the model's, and on CUDA valid until the next step.
  NextTokens step(const torch::Tensor& tokens);

 private:
  struct LayerCache {
    KeyValues slots;                       // [samples * capacity, G, d]
    int64_t capacity = 0;
    std::vector<int64_t> length;           // per sample, before the first step
    std::vector<int64_t> deaf;             // key/value heads that do not hear
    std::vector<std::vector<Range>> rows;  // per sample, for these: which of its slots are rows
  };
  // Layers with caches of the same lengths share who sees what.
  struct Reading {
    std::shared_ptr<AttentionPlan> plan;
    torch::Tensor places;  // [samples] int64: of the new slots
  };
  void run();  // one step on tokens_, and on to the next
  std::shared_ptr<const AttentionPlan> plan_of_rows(const LayerCache& cache) const;

  PalModel& model_;
  std::vector<LayerCache> layers_;
  std::map<std::vector<int64_t>, Reading> readings_;  // by LayerCache::length
  torch::Tensor tokens_, ids_;                        // [samples] int64, on the device: what the step takes, and its slot ids
  NextTokens next_;                                   // after tokens_
  std::unique_ptr<StepGraph> graph_;                  // flash backend, where all heads hear
  int64_t steps_ = 0, max_steps_;
};

}  // namespace pal

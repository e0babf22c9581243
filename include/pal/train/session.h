// A model ready for use, with what belongs to it: from a config, or from what a run has left.
#pragma once

#include <memory>

#include "pal/core/load_tensors.h"
#include "pal/integration/collate.h"
#include "pal/train/checkpoint.h"
#include "pal/train/named_parameter.h"
#include "pal/train/run_config.h"

namespace pal {

// A model and its surroundings. The collator refers to the model.
struct Session {
  RunConfig config;                    // resolved: with the answers of the training manifest where they are needed
  std::shared_ptr<PalModel> model;     // on its device
  std::unique_ptr<Collator> collator;  // for its tokenizer

  std::vector<NamedParameter> parameters() const;  // of the whole model, frozen ones too
  // With the config's prompts. Throws as read_manifest().
  std::vector<Sample> samples(const ManifestPart& manifest) const { return read_manifest(manifest, config.data.prompt); }
  // A question about recordings, without an answer; `text` may hold their places, <audio>. system: empty: the config's.
  Sample question(const std::vector<std::filesystem::path>& recordings, const std::string& text, const std::string& system = "") const;
};

// The device to run on. name: auto (CUDA where there is one) | cpu | cuda. local_rank: of the processes on this machine, whose GPUs are theirs in
// this order. Throws UserError where it is not there.
torch::Device parse_device(const std::string& name, int64_t local_rank = 0);

// What a likelihood evaluation chooses from where the config names nothing: the training manifest's answers; empty where there are
// more than 1,000 of them, which are captions and no labels.
std::vector<std::string> implied_answers(const DataOptions& data);

// The encoders that no stage trains: what they make of a clip never changes. By name.
std::vector<std::string> frozen_encoders(const PalModel& model, const std::vector<StageOptions>& stages);

// From here on the collator takes from the config's data.cache, where there is one, what frozen encoders give. For training: whoever
// asks about other recordings lets the encoders run. Throws UserError where the cache is not these encoders'.
void read_from_cache(Session& session);

// The manifest that is scored as train, validation or test. Throws UserError where the config names none, or several.
const ManifestPart& manifest_of(const DataOptions& data, const std::string& split);

// From a config. Throws UserError for whatever does not load or fit together.
Session open_session(const RunConfig& config, torch::Device device);

// The config that a checkpoint was made with, `sets` applied.
RunConfig config_of(const Checkpoint& checkpoint, const std::vector<std::string>& sets = {});

// From a checkpoint's folder: its config (with `sets` applied) and its trained tensors.
Session open_session(const Checkpoint& checkpoint, const std::vector<std::string>& sets, torch::Device device);

// Whether a parameter starts from random numbers and not from a file of weights: such a one belongs into every checkpoint.
bool is_drawn(const std::string& name);

// What is wanted of a checkpoint's tensors: all that it holds, and every drawn parameter, which would be random without it. The others
// keep what the LLM's and the encoders' own files gave them.
LoadPlan trained_tensors(const std::vector<NamedParameter>& parameters, const TensorSource& source);

// Puts the checkpoint's tensors into the model. Throws and logs as load_tensors().
LoadReport load_trained(Session& session, const Checkpoint& checkpoint);

}  // namespace pal

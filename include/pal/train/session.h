// A model ready for use, with what belongs to it: from a config, or from what a run has left.
#pragma once

#include <memory>

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

// The device to run on. name: auto (CUDA where there is one) | cpu | cuda. Throws UserError where it is not there.
torch::Device parse_device(const std::string& name);

// What a likelihood evaluation chooses from where the config names nothing: the training manifest's answers; empty where there are
// more than 1,000 of them, which are captions and no labels.
std::vector<std::string> implied_answers(const DataOptions& data);

// From a config. Throws UserError for whatever does not load or fit together.
Session open_session(const RunConfig& config, torch::Device device);

// From a checkpoint's folder: its config (with `sets` applied) and its trained tensors.
Session open_session(const Checkpoint& checkpoint, const std::vector<std::string>& sets, torch::Device device);

// Whether a parameter starts from random numbers and not from a file of weights: such a one belongs into every checkpoint.
bool is_drawn(const std::string& name);

// Puts saved tensors into the model. Throws UserError that lists names and shapes that do not fit, and drawn parameters that are missing.
void load_trained(Session& session, const TensorMap& tensors, const std::string& where);

}  // namespace pal

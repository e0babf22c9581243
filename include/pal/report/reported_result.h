// The results.json of an evaluation, as pal-eval writes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pal/data/manifest.h"
#include "pal/metrics/score.h"

namespace pal {

// One evaluation: what was asked of which model, and what it answered.
struct ReportedResult {
  std::filesystem::path path;                      // of the file
  std::string checkpoint, checkpoint_hash;         // folder and hash of the model
  int64_t step = 0;                                // of training, when the checkpoint was written
  ManifestPart manifest;                           // what was asked
  std::string manifest_sha256;                     // of its file
  std::string protocol;                            // likelihood or generate
  std::vector<std::string> answers;                // likelihood: what could be answered
  bool withhold_audio = false;                     // the control: answered without hearing
  std::string config;                              // YAML of the run
  Score score;                                     // per_sample: empty where the metric is no mean over samples
  std::vector<Prediction> predictions;             // in the manifest's order
  std::vector<std::string> labels;                 // per prediction the class that its free text was taken for; empty: none was
  std::size_t skipped = 0;                         // samples that could not be answered, left out

  const Prediction* find(const std::string& id) const;  // nullptr: not among them
  std::vector<Prediction> classified() const;           // the predictions, with these classes where there are any
  bool is_right_or_wrong() const;                       // every sample scores 0 or 1
};

// Throws UserError that names the file and what is missing in it, or wrong.
ReportedResult read_reported_result(const std::filesystem::path& path);

}  // namespace pal

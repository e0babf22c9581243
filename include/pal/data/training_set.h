// What a run trains on: the samples of one manifest or of several, mixed by weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pal/data/manifest.h"

namespace pal {

// A manifest and how often it is drawn from.
struct TrainingSource {
  ManifestPart manifest;  // whole, or a split
  double weight = 0;      // share of the samples, relative to the others'; 0: none is given
};

// All of them: either all have weights or none.
struct TrainingSources {
  std::vector<TrainingSource> list;  // in the config's order

  bool empty() const { return list.empty(); }  // names nothing
  bool weighted() const;                       // by weights; else all samples are one set
  std::string name() const;                    // for messages
};

// Their samples, one source after the other.
struct TrainingSet {
  std::vector<Sample> samples;             // of several sources, ids are NUMBER:ID, the source's number from 1
  std::vector<std::int64_t> source_sizes;  // samples of each
  std::string sha256;                      // of the manifests; two sets with the same one are shuffled into the same order
};

// Throws UserError as read_manifest().
TrainingSet read_training_set(const TrainingSources& sources, const PromptOptions& prompt);

// The file of every sample's first recording as a number, counted as they come; text-only samples are in a file of their own.
std::vector<std::int32_t> files_of(const std::vector<Sample>& samples);

}  // namespace pal

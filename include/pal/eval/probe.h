// What a model listens to: its score with LAL audio cut at a layer, from a layer on or at a head, with another clip's audio, with the
// order of audio tokens shuffled, and without audio, each beside the score of the model as it is (paper: probing; docs/probing.md).
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pal/eval/evaluation.h"
#include "pal/metrics/paired_test.h"

namespace pal {

// How a model is probed.
struct ProbeOptions {
  std::vector<std::string> controls;  // of probe_controls(); empty: all
  uint64_t seed = 0;                  // of clips and orders that are drawn
};

// layer: cut at one layer; from_layer: at it and all after it; head_group: one key/value head with the query heads that share it, at every
// layer; other_clip: every clip is another one of the manifest; shuffled: no token of a clip stays in its place; withheld: no audio.
const std::vector<std::string>& probe_controls();

// One control's outcome.
struct ProbeRow {
  std::string control;                  // of probe_controls()
  std::optional<int64_t> number;        // of the layer or the key/value head
  std::string not_applicable;           // why there is no score; empty: there is one
  Score score;                          // with its interval
  std::optional<PairedTest> difference; // score - the model's as it is, over the same clips; none for metrics that are no mean over clips
};

// All outcomes.
struct ProbeReport {
  Score uncut;                 // of the model as it is
  std::vector<ProbeRow> rows;  // in the order of probe_controls(), then by number
};

// Evaluates the model once for every control. Leaves it as it was. told: of each outcome as it comes, the first with control "uncut".
// Throws UserError as evaluate() does, for an unknown control, and where no sample has a clip.
ProbeReport probe(PalModel& model, const Collator& collator, const std::vector<Sample>& samples, const EvaluationOptions& options,
                  const ProbeOptions& how, const std::function<void(const ProbeRow&)>& told = {});

// The samples with the clips of others: the different clips go round in one drawn circle, so that none stays and each is heard as often as
// the one in whose place it is. Throws UserError where there are fewer than two.
std::vector<Sample> with_other_clips(const std::vector<Sample>& samples, uint64_t seed);

// An order in which no token stays in its place; drawn by sample and clip, so that it does not depend on what is asked for together.
TokenOrder shuffled_order(uint64_t seed);

// One object: uncut, and a list of rows.
nlohmann::ordered_json to_json(const ProbeReport& report);

}  // namespace pal

// Which samples a step trains on, and which of them are run at once: so many samples, or as many as fit into a number of tokens. The plan
// is a function of the sampler's seed and of the samples' lengths, so its position is a few numbers, exact to the sample.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pal/data/sampler.h"

namespace pal {

// A sample as a stage draws it.
struct Draw {
  int64_t sample = 0;  // its index
  int64_t number = 0;  // how many the stage has drawn before it: what is random about this use of the sample depends on that

  bool operator==(const Draw&) const = default;  // the same use of the same sample
};

// How the samples that are drawn become steps.
struct BatchRule {
  int64_t batch_size = 8;    // samples a step, where batch_tokens is 0
  int64_t accumulate = 1;    // parts that a step is run in
  int64_t batch_tokens = 0;  // most tokens of a part; 0: batch_size says
  int64_t window = 4096;     // with batch_tokens: samples that are sorted by length at a time

  bool operator==(const BatchRule&) const = default;  // the same rule
};

// How far a plan is.
struct BatchPosition {
  SamplerPosition sampler;  // by tokens: at the beginning of the window
  int64_t parts = 0;        // by tokens: parts of the window that are done

  bool operator==(const BatchPosition&) const = default;  // all numbers are equal
};

// A step's samples.
struct PlannedStep {
  std::vector<std::vector<Draw>> parts;  // each is run at once; none is empty
  BatchPosition after;                   // where the next step begins

  int64_t samples() const;  // of all parts
};

// One of several processes that run a step together.
struct Share {
  int64_t process = 0;    // from 0
  int64_t processes = 1;  // how many there are
};

// How many parts a process runs of a step, at most.
int64_t parts_of(const BatchRule& rule, const Share& share);

// What of a step's parts is a process's: by count, neighbours of every part; by tokens, whole parts in turn. Together the processes have each
// sample once; parts may be empty.
std::vector<std::vector<Draw>> share_of(const PlannedStep& step, const BatchRule& rule, const Share& share);

// An endless row of steps. By tokens: a window of the samples that the sampler draws is sorted by length and cut into parts of neighbours
// that fit, which come in a random order; a window ends with an epoch at the latest, so that an epoch holds each sample once.
class BatchPlan {
 public:
  // Tokens of a sample, above 0.
  using Length = std::function<int64_t(const Draw&)>;

  // length: needed by tokens alone. A sample that is longer than batch_tokens is a part of its own.
  BatchPlan(std::vector<SamplerSource> sources, uint64_t seed, const BatchRule& rule, Length length = {}, const BatchPosition& position = {});

  PlannedStep next();  // the next step

 private:
  std::vector<Draw> draw(int64_t count);
  void begin_window();
  BatchPosition position() const;

  BatchRule rule_;
  uint64_t seed_;
  int64_t size_ = 0;  // samples of all sources
  Length length_;
  Sampler sampler_;
  SamplerPosition window_begin_;
  std::vector<std::vector<Draw>> window_;  // by tokens: its parts
  std::size_t next_ = 0;                   // part of the window
};

// What the parts of steps look like whose longest sample has a length in one range.
struct LengthBucket {
  int64_t longest = 0;  // tokens: from this one's half, excluded, up to it; a power of two
  int64_t samples = 0;  // of these parts
  int64_t parts = 0;    // how many
  int64_t tokens = 0;   // of the samples
};

// What a plan will do.
struct PlanSummary {
  int64_t steps = 0;                  // that were gone through
  int64_t samples = 0;                // of these steps
  std::vector<LengthBucket> buckets;  // increasing; only those with samples
};

// Goes through `steps` steps of a plan by tokens; with 0, until at least `samples` samples are done.
PlanSummary summarize(BatchPlan plan, const BatchPlan::Length& length, int64_t steps, int64_t samples);

// As a table for people: a line a bucket.
std::string format_plan(const PlanSummary& summary, const BatchRule& rule);

}  // namespace pal

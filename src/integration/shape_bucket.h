// Batches of nearly the same lengths made exactly alike, so that the same recorded work serves them all.
//
//   text      [ sample 0 | sample 1 | ... | dummy ]    T, and each stream's A_s, rounded up by one dummy sample at the end
//   targets   [ rows that count ... | ignored ... ]    N, rounded up by targets that count nothing
//   segments  [ of the samples ... | the dummy's | empty ... ]
//   keys      [ of the samples ... | the dummy's, some of them more than once ]
//
// The dummy is a sample like any other: no sample sees another, it has no targets, so nothing but its own rows changes and no gradient comes from it.
#pragma once

#include "pal/integration/pal_model.h"

namespace pal {

// A batch as large as its bucket.
struct PaddedBatch {
  StepInputs inputs;                    // with the dummy; rows.stream_tokens: per stream A_s with the dummy's
  int64_t rows = 0, dummy_rows = 0;     // all rows, and those of the dummy among them
  std::vector<int64_t> key() const;     // all that recorded work depends on: equal keys, equal shapes
};

// What is counted in tokens is rounded up to multiples of `round` (of keys, more: see padded_plan()). The dummy has a text token at least.
// Throws std::logic_error for a model that is probed, UserError as PalModel::sample_shapes() does.
PaddedBatch pad_to_bucket(const PalModel& model, const PalBatch& batch, int64_t round);

// A plan in a bucket's shape: as many segments as a multiple of 8, keys in all as a multiple of `round` where any but rows are read; max_rows and max_keys
// powers of two, above what a dummy can have (`dummy_most`), lest they depend on it. The last segment must be the dummy's: it reads its own first rows again
// and again, so that every key has a reader and none is left over.
AttentionPlan padded_plan(const AttentionPlan& plan, int64_t round, int64_t dummy_most, torch::Device device);

// A stream's tokens [A, D] as [tokens, D], with zeros behind.
torch::Tensor padded_tokens(const torch::Tensor& stream, int64_t tokens);

}  // namespace pal

// A model's answers to samples: batch by batch, goes on where it was, shared by ranks.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pal/data/manifest.h"
#include "pal/eval/answer_file.h"
#include "pal/eval/evaluation_options.h"
#include "pal/integration/collate.h"

namespace pal {

// Asks a model. Batch b holds the samples from b * batch_size on: which samples are computed together depends on nothing but their numbers
// and the batch size, so that answers are the same bits whoever computes which batches, and in which order.
class Answerer {
 public:
  // `model`, `collator` and `options` (checked by check_evaluation) must outlive it. withhold_audio: answers without hearing.
  Answerer(PalModel& model, const Collator& collator, const EvaluationOptions& options, bool withhold_audio);

  int64_t batches(const std::vector<Sample>& samples) const;  // how many there are
  int64_t first_of(int64_t batch) const { return batch * options_.batch_size; }  // the number of its first sample
  // The answers to the samples of a batch. Throws UserError as Collator::collate().
  std::vector<Answer> answer(const std::vector<Sample>& samples, int64_t batch);

 private:
  std::vector<Answer> likeliest(const PalBatch& batch);
  std::vector<Answer> generated(const PalBatch& batch, int64_t first_index);

  PalModel& model_;
  const Collator& collator_;
  const EvaluationOptions& options_;
  bool withhold_audio_;
  std::vector<std::vector<int64_t>> candidates_;  // tokens of the answers to choose from
};

// One of several processes that share an evaluation.
struct Rank {
  int64_t rank = 0;   // which of them, from 0
  int64_t ranks = 1;  // how many there are
};

// Answers those batches whose number modulo `ranks` is `rank` and that no answers file in `folder` holds, into the rank's own file there.
// Returns all answers, in the samples' order, or nothing where other ranks have not finished theirs: the last to finish gets them.
// Throws UserError as AnswerFile and read_answers().
std::optional<std::vector<Answer>> answer_in_folder(Answerer& answerer, const std::vector<Sample>& samples, const std::filesystem::path& folder,
                                                    const std::string& settings_sha256, Rank rank);

}  // namespace pal

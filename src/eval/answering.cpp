#include "pal/eval/answering.h"

#include <algorithm>

#include "pal/core/check.h"

namespace pal {

namespace {

// Samples that a batch holds and no file answers yet. A batch is computed whole or not at all: part of it would be another batch.
bool is_answered(const Answerer& answerer, const std::vector<Sample>& samples, int64_t batch, const Answers& answers) {
  const int64_t end = std::min(int64_t(samples.size()), answerer.first_of(batch + 1));
  for (int64_t i = answerer.first_of(batch); i < end; ++i)
    if (!answers.contains(i)) return false;
  return true;
}

std::vector<Answer> in_order(Answers answers, const std::vector<Sample>& samples, const std::filesystem::path& folder) {
  std::vector<Answer> ordered;
  for (auto& [index, answer] : answers) {
    PAL_CHECK(index >= 0 && index < int64_t(samples.size()) && samples[std::size_t(index)].id == answer.id,
              "{}: holds an answer to sample {} ('{}'), which is not asked for", folder.string(), index, answer.id);
    ordered.push_back(std::move(answer));
  }
  return ordered;
}

}  // namespace

Answerer::Answerer(PalModel& model, const Collator& collator, const EvaluationOptions& options, bool withhold_audio)
    : model_(model), collator_(collator), options_(options), withhold_audio_(withhold_audio) {
  if (options.protocol != "likelihood") return;
  for (const auto& answer : options.answers) candidates_.push_back(collator.answer_tokens(answer));
}

int64_t Answerer::batches(const std::vector<Sample>& samples) const {
  return (int64_t(samples.size()) + options_.batch_size - 1) / options_.batch_size;
}

std::vector<Answer> Answerer::answer(const std::vector<Sample>& samples, int64_t number) {
  torch::NoGradGuard no_grad;
  const int64_t end = std::min(int64_t(samples.size()), first_of(number + 1));
  std::vector<const Sample*> part;
  for (int64_t i = first_of(number); i < end; ++i) part.push_back(&samples[std::size_t(i)]);
  const auto batch = collator_.collate(part, Purpose::kAnswering, withhold_audio_);
  auto answers = options_.protocol == "likelihood" ? likeliest(batch) : generated(batch, first_of(number));
  for (std::size_t i = 0; i < part.size(); ++i) answers[i].id = part[i]->id;
  return answers;
}

std::vector<Answer> Answerer::likeliest(const PalBatch& batch) {
  auto likelihoods = score_continuations(model_, run_prompt(model_, batch), candidates_);  // [samples, answers] float64
  if (options_.normalize == "token") {
    std::vector<double> lengths;
    for (const auto& candidate : candidates_) lengths.push_back(double(candidate.size()));
    likelihoods = likelihoods / torch::tensor(lengths, torch::kFloat64);
  }
  const auto best = likelihoods.argmax(-1);
  std::vector<Answer> answers;
  for (int64_t s = 0; s < best.numel(); ++s) {
    const auto row = likelihoods[s].contiguous();
    answers.push_back({"", options_.answers[std::size_t(best[s].item<int64_t>())], {row.data_ptr<double>(), row.data_ptr<double>() + row.numel()}});
  }
  return answers;
}

std::vector<Answer> Answerer::generated(const PalBatch& batch, int64_t first_index) {
  const auto& tokenizer = collator_.tokenizer();
  std::vector<Answer> answers;
  for (const auto& ids : generate(model_, batch, tokenizer.stop_tokens(), options_.generate, first_index))
    answers.push_back({"", tokenizer.decode(ids, /*skip_special=*/true), {}});
  return answers;
}

std::optional<std::vector<Answer>> answer_in_folder(Answerer& answerer, const std::vector<Sample>& samples, const std::filesystem::path& folder,
                                                    const std::string& settings, Rank rank) {
  AnswerFile file(folder / answer_file_name(rank.rank, rank.ranks), settings);
  const auto kept = read_answers(folder, settings);
  for (int64_t batch = rank.rank; batch < answerer.batches(samples); batch += rank.ranks)
    if (!is_answered(answerer, samples, batch, kept)) file.append(answerer.first_of(batch), answerer.answer(samples, batch));
  // Read back, so that what is scored is what is kept, whether it was made now or before. Whoever finishes last finds everything.
  auto answers = in_order(read_answers(folder, settings), samples, folder);
  if (answers.size() < samples.size()) return std::nullopt;
  return answers;
}

}  // namespace pal

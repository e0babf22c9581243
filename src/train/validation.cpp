#include "validation.h"

#include "pal/core/check.h"
#include "pal/distributed/agree.h"
#include "pal/eval/answering.h"

namespace pal {

namespace {

using Json = nlohmann::json;

Json to_json(const Answer& answer) { return {{"id", answer.id}, {"text", answer.text}, {"likelihoods", answer.likelihoods}}; }

Answer answer_from(const Json& json) { return {json.at("id"), json.at("text"), json.at("likelihoods").get<std::vector<double>>()}; }

// In binary, which knows numbers that are none.
std::string packed(const Json& json) {
  const auto bytes = Json::to_cbor(json);
  return {bytes.begin(), bytes.end()};
}

// What this process answered, batch by batch; null where it was stopped.
Json own_answers(const ProcessGroup& group, Answerer& answerer, const std::vector<Sample>& samples, const std::function<bool()>& stopped) {
  Json batches = Json::object();
  for (int64_t batch = group.rank(); batch < answerer.batches(samples); batch += group.size()) {
    if (stopped()) return nullptr;
    Json answers = Json::array();
    for (const auto& answer : answerer.answer(samples, batch)) answers.push_back(to_json(answer));
    batches[std::to_string(batch)] = std::move(answers);
  }
  return batches;
}

}  // namespace

std::optional<Score> evaluate_together(ProcessGroup& group, PalModel& model, const Collator& collator, const std::vector<Sample>& samples,
                                       const EvaluationOptions& options, const std::function<bool()>& stopped) {
  const auto asked = asked_samples(options, samples);
  std::optional<Answerer> answerer;
  Json own;
  together(group, [&] {
    check_evaluation(options, samples);
    answerer.emplace(model, collator, options, /*withhold_audio=*/false);
    own = own_answers(group, *answerer, asked.samples, stopped);
  });
  Json all = Json::object();
  for (const auto& text : group.gather(packed(own))) {
    const auto batches = Json::from_cbor(text);
    if (batches.is_null()) return std::nullopt;
    all.update(batches);
  }
  std::vector<Answer> answers;
  for (int64_t batch = 0; batch < answerer->batches(asked.samples); ++batch)
    for (const auto& answer : all.at(std::to_string(batch))) answers.push_back(answer_from(answer));
  return score_answers(options, asked, answers).score;
}

}  // namespace pal

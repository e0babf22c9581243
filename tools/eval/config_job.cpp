#include <spdlog/spdlog.h>

#include "pal/eval/evaluation.h"
#include "tools/eval/evaluation_job.h"

namespace pal {

EvaluationJob config_job(const Session& session, const ManifestPart& manifest) {
  EvaluationJob job;
  job.options = session.config.eval;
  const auto samples = session.samples(manifest);
  check_evaluation(job.options, samples);
  auto asked = asked_samples(job.options, samples);
  if (!asked.skipped.empty())
    spdlog::info("{} of {} samples left out: none of their references is among the {} answers", asked.skipped.size(), samples.size(),
                 job.options.answers.size());
  job.samples = asked.samples;
  job.score = [options = job.options, asked = std::move(asked)](const std::vector<Answer>& answers) {
    const auto evaluation = score_answers(options, asked, answers);
    return nlohmann::json{{"score", nlohmann::json::parse(to_json(evaluation.score))}, {"predictions", evaluation.predictions},
                          {"skipped", evaluation.skipped}};
  };
  return job;
}

}  // namespace pal

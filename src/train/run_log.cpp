#include "run_log.h"

namespace pal {

RunLog::RunLog(const RunFolder& folder, bool tensorboard, int64_t finished_steps) : steps_(folder.log(), finished_steps) {
  if (tensorboard) tensorboard_.emplace(folder.tensorboard(), finished_steps);
}

void RunLog::expect_validations(const RunFolder& folder, int64_t validated_steps) { validations_.emplace(folder.validation_log(), validated_steps); }

void RunLog::step(const nlohmann::json& line) {
  steps_.write(line);
  if (!tensorboard_) return;
  std::vector<Scalar> scalars;
  for (const char* key : {"loss", "learning_rate", "gradient_norm", "samples_per_second", "tokens_per_second"})
    scalars.push_back({std::string("train/") + key, line.at(key).get<double>()});
  for (const auto& [group, norm] : line.at("gradient_norms").items()) scalars.push_back({"gradient_norm/" + group, norm.get<double>()});
  tensorboard_->write(line.at("step"), scalars);
}

void RunLog::validation(int64_t step, const Score& score) {
  validations_->write({{"step", step}, {"metric", score.metric}, {"score", score.score}, {"low", score.low}, {"high", score.high}, {"n", score.n}});
  if (tensorboard_) tensorboard_->write(step, {{"validation/" + score.metric, score.score}});
}

}  // namespace pal

#include "run_log.h"

#include <cmath>
#include <sstream>

#include "pal/core/check.h"
#include "pal/core/files.h"

namespace pal {

namespace {

// TensorBoard groups by what stands before the first slash.
std::vector<Scalar> scalars_of(const nlohmann::json& line) {
  std::vector<Scalar> scalars;
  for (const char* key : {"loss", "learning_rate", "gradient_norm", "samples_per_second", "tokens_per_second", "mfu", "resident_bytes", "device_bytes",
                          "waiting_seconds", "skipped_steps", "unreadable_samples", "padding_share"})
    if (line.contains(key)) scalars.push_back({std::string("train/") + key, line.at(key).get<double>()});
  for (const auto& [group, norm] : line.at("gradient_norms").items()) scalars.push_back({"gradient_norm/" + group, norm.get<double>()});
  const auto attention = line.value("audio_attention", nlohmann::json::object());
  for (const auto& [stream, layers] : attention.items())
    for (const auto& [layer, mass] : layers.items()) scalars.push_back({fmt::format("audio_attention/{}/layer{}", stream, layer), mass.get<double>()});
  return scalars;
}

}  // namespace

RunLog::RunLog(const RunFolder& folder, const TrainOptions& options, int64_t finished_steps) : steps_(folder.log(), finished_steps) {
  if (options.tensorboard) tensorboard_.emplace(folder.tensorboard(), finished_steps);
  if (options.prometheus_port > 0) endpoint_.emplace(options.prometheus_address, options.prometheus_port);
}

void RunLog::expect_validations(const RunFolder& folder, int64_t validated_steps) {
  validations_.emplace(folder.validation_log(), validated_steps);
  std::istringstream lines(read_file(folder.validation_log()));
  for (std::string line; std::getline(lines, line);)
    if (const auto read = nlohmann::json::parse(line); read.at("score").is_number()) is_best(read.at("metric"), read.at("score"));
}

bool RunLog::is_best(const std::string& metric, double score) {
  const auto [best, is_first] = best_.try_emplace(metric, score);
  if (!is_first && !(score > best->second)) return false;
  best->second = score;
  return true;
}

void RunLog::step(const nlohmann::json& line) {
  steps_.write(line);
  if (tensorboard_) tensorboard_->write(line.at("step"), scalars_of(line));
  if (endpoint_) endpoint_->show(line);
}

bool RunLog::validation(int64_t step, const Score& score) {
  validations_->write({{"step", step}, {"metric", score.metric}, {"score", score.score}, {"low", score.low}, {"high", score.high}, {"n", score.n}});
  if (tensorboard_) tensorboard_->write(step, {{"validation/" + score.metric, score.score}});
  return std::isfinite(score.score) && is_best(score.metric, score.score);
}

void RunLog::finish() {
  steps_.finish();
  if (validations_) validations_->finish();
  if (tensorboard_) tensorboard_->finish();
}

}  // namespace pal

#include "pal/train/trainer.h"

#include <spdlog/spdlog.h>

#include <cmath>
#include <iostream>
#include <set>

#include "pal/config/dump.h"
#include "pal/core/check.h"
#include "pal/core/random.h"
#include "pal/data/sampler.h"
#include "pal/train/metrics_log.h"
#include "pal/train/progress_bar.h"
#include "pal/train/stage_policy.h"
#include "pal/train/tensorboard.h"
#include "run_folder.h"
#include "stop_signal.h"

namespace pal {

namespace {

using Json = nlohmann::json;
using Seconds = std::chrono::duration<double>;
using Clock = std::chrono::steady_clock;

constexpr int kMostBadStepsInARow = 10;

// Where a run stands: everything that the next step depends on beside tensors.
struct Progress {
  int64_t step = 0;        // optimizer steps of all stages
  std::size_t stage = 0;
  int64_t stage_step = 0;  // of this stage
  SamplerPosition sampler;
  std::set<std::string> trained;  // names of all tensors that a stage so far has trained
};

Json to_json(const Progress& p, const std::string& config) {
  return {{"step", p.step},
          {"stage", p.stage},
          {"stage_step", p.stage_step},
          {"sampler", {{"epoch", p.sampler.epoch}, {"taken", p.sampler.taken}}},
          {"trained", p.trained},
          {"config", config}};
}

Progress progress_from(const Json& json) {
  return {json.at("step"), json.at("stage"), json.at("stage_step"),
          {json.at("sampler").at("epoch"), json.at("sampler").at("taken")},
          json.at("trained").get<std::set<std::string>>()};
}

class Trainer {
 public:
  Trainer(const RunConfig& config, const TrainerOptions& options, torch::Device device)
      : session_(open_session(config, device)), folder_(options.output, session_.config.train.keep),
        config_text_(run_config_yaml(session_.config)), bar_(std::cerr, progress_options_for_stderr()) {
    samples_ = session_.samples(session_.config.data.train);
    for (const auto& stage : session_.config.stages) {  // a wrong pattern of a later stage is an error now, not after days
      apply_stage_policy(session_.parameters(), stage.trainable);
      (void)Schedule(schedule_options(stage));
    }
    spdlog::info("{} samples to train on; attention backend {}; {} on {}", samples_.size(), session_.model->backend().name(),
                 session_.config.model.dtype, device.str());
  }

  TrainingEnd run(bool resume, bool dry_run) {
    if (dry_run) return describe_stages();
    claim_run_folder(folder_.root());  // not before all that the config says is known to fit
    folder_.checkpoints().remove_leftovers();
    std::optional<Checkpoint> newest;
    if (resume) newest = folder_.newest(config_text_);
    if (newest) restore(*newest);
    log_.emplace(folder_.log(), progress_.step);
    if (session_.config.train.tensorboard) tensorboard_.emplace(folder_.tensorboard(), progress_.step);
    StopSignal::install();
    for (; progress_.stage < session_.config.stages.size(); next_stage())
      if (!run_stage(session_.config.stages[progress_.stage])) return TrainingEnd::kStopped;
    const auto final_state = write_checkpoint(folder_.final(), progress_.step, content(/*with_optimizer=*/false));
    spdlog::info("done: {} (checkpoint {})", folder_.final().string(), final_state.hash.substr(0, 12));
    return TrainingEnd::kFinished;
  }

 private:
  TrainingEnd describe_stages() {
    for (const auto& stage : session_.config.stages)
      spdlog::info("stage '{}': {} steps of {} samples\n{}", stage.name, stage.steps, stage.batch_size,
                   format_group_counts(apply_stage_policy(session_.parameters(), stage.trainable)));
    const auto batch = collate(0, std::min<int64_t>(int64_t(samples_.size()), session_.config.stages.at(0).batch_size));
    spdlog::info("a batch of {} samples: {} text tokens, {} rows, {} targets", batch.ids.size(), batch.tokens.numel(),
                 session_.model->layout(batch).rows(), batch.target_tokens());
    return TrainingEnd::kDryRun;
  }

  PalBatch collate(int64_t begin, int64_t end) {
    std::vector<const Sample*> part;
    for (int64_t i = begin; i < end; ++i) part.push_back(&samples_[std::size_t(i)]);
    return session_.collator->collate(part, Purpose::kTraining);
  }

  void restore(const Checkpoint& checkpoint) {
    progress_ = progress_from(checkpoint.load_state());
    load_trained(session_, checkpoint.load_model(), checkpoint.folder.string());
    if (progress_.stage_step > 0) optimizer_state_ = {checkpoint.load_optimizer(), checkpoint.folder.string()};
    spdlog::info("resuming after step {} from {}", progress_.step, checkpoint.folder.string());
  }

  void next_stage() {
    progress_.stage += 1;
    progress_.stage_step = 0;
    progress_.sampler = {};
    optimizer_.reset();
    save();
    validate();
  }

  CheckpointContent content(bool with_optimizer) const {
    CheckpointContent content;
    for (const auto& parameter : session_.parameters())
      if (progress_.trained.contains(parameter.name)) content.model[parameter.name] = parameter.value.detach();
    if (with_optimizer && optimizer_) content.optimizer = optimizer_->state();
    content.state = to_json(progress_, config_text_);
    return content;
  }

  void save() {
    bar_.clear();
    const auto saved = folder_.checkpoints().save(progress_.step, content(/*with_optimizer=*/true));
    spdlog::info("step {}: saved {}", progress_.step, saved.folder.string());
    saved_step_ = progress_.step;
  }

  static ScheduleOptions schedule_options(const StageOptions& stage) {
    return {stage.learning_rate, stage.steps, stage.warmup, stage.decay, stage.final_ratio};
  }

  // Returns false where a signal stopped it.
  bool run_stage(const StageOptions& stage) {
    const auto counts = apply_stage_policy(session_.parameters(), stage.trainable);
    spdlog::info("stage '{}': {} steps of {} samples\n{}", stage.name, stage.steps, stage.batch_size, format_group_counts(counts));
    for (const auto& parameter : session_.parameters())
      if (parameter.value.requires_grad()) progress_.trained.insert(parameter.name);
    optimizer_.emplace(session_.parameters(), adamw_options(stage));
    if (optimizer_state_) optimizer_->load(optimizer_state_->first, optimizer_state_->second);
    optimizer_state_.reset();
    const Schedule schedule(schedule_options(stage));
    Sampler sampler(int64_t(samples_.size()), stream_seed(uint64_t(session_.config.train.seed), "stage", progress_.stage),
                    progress_.sampler);

    bar_.start(stage.name, stage.steps, progress_.stage_step);
    while (progress_.stage_step < stage.steps) {
      step(stage, schedule.rate(progress_.stage_step), sampler);
      const bool last = progress_.stage_step == stage.steps;
      const auto every = [&](int64_t n) { return n > 0 && progress_.step % n == 0 && !last; };
      const bool stop = StopSignal::received();
      if (!last && (stop || every(session_.config.train.save_every))) save();
      if (stop && !last) return stopped();
      if (every(session_.config.train.validate_every)) validate();
    }
    bar_.finish();
    return true;
  }

  bool stopped() {
    bar_.clear();
    spdlog::warn("stopped by {} after step {}; go on with --resume auto", StopSignal::name(), progress_.step);
    return false;
  }

  void step(const StageOptions& stage, double rate, Sampler& sampler) {
    const auto begin = Clock::now();
    const auto indices = sampler.next(stage.batch_size);
    std::vector<PalBatch> parts;
    int64_t targets = 0, tokens = 0;
    for (int64_t part = 0; part < stage.accumulate; ++part) {
      std::vector<const Sample*> members;
      for (int64_t i = part * stage.batch_size / stage.accumulate; i < (part + 1) * stage.batch_size / stage.accumulate; ++i)
        members.push_back(&samples_[std::size_t(indices[std::size_t(i)])]);
      parts.push_back(session_.collator->collate(members, Purpose::kTraining));
      targets += parts.back().target_tokens();
      tokens += parts.back().tokens.numel();
    }
    const Seconds loading = Clock::now() - begin;
    double loss = 0;
    for (const auto& part : parts) {
      const auto sum = session_.model->loss_sum(part);
      sum.backward();
      loss += sum.item<double>() / double(targets);
    }
    const auto norms = optimizer_->clip(1.0 / double(targets), stage.clip_norm);
    const bool sound = norms.finite() && std::isfinite(loss);
    if (sound) {
      optimizer_->set_learning_rate(rate);
      optimizer_->step();
    } else {
      report_bad_step(parts, loss);
    }
    optimizer_->zero_grad();
    bad_steps_ = sound ? 0 : bad_steps_ + 1;

    progress_.step += 1;
    progress_.stage_step += 1;
    progress_.sampler = sampler.position();
    const Seconds seconds = Clock::now() - begin;
    bar_.update(progress_.stage_step, loss, tokens);
    log_step(stage, {{"step", progress_.step},
                     {"stage", stage.name},
                     {"loss", loss},
                     {"learning_rate", rate},
                     {"gradient_norm", norms.total},
                     {"gradient_norms", norms.groups},
                     {"target_tokens", targets},
                     {"text_tokens", tokens},
                     {"skipped", !sound},
                     {"seconds", seconds.count()},
                     {"data_seconds", loading.count()},
                     {"samples_per_second", double(stage.batch_size) / seconds.count()},
                     {"tokens_per_second", double(tokens) / seconds.count()}});
  }

  void report_bad_step(const std::vector<PalBatch>& parts, double loss) {
    std::vector<std::string> ids;
    for (const auto& part : parts) ids.insert(ids.end(), part.ids.begin(), part.ids.end());
    bar_.clear();
    spdlog::warn("step {}: loss {} or its gradient is not a number; the step is skipped. Samples: {}", progress_.step + 1, loss,
                 fmt::join(ids, ", "));
    if (bad_steps_ + 1 < kMostBadStepsInARow) return;
    throw std::runtime_error(
        fmt::format("{} steps in a row gave no finite gradient; the last samples were: {}. Checkpoints up to step {} are whole",
                    kMostBadStepsInARow, fmt::join(ids, ", "), saved_step_));
  }

  void log_step(const StageOptions& stage, const Json& line) {
    log_->write(line);
    if (!tensorboard_) return;
    std::vector<Scalar> scalars;
    for (const char* key : {"loss", "learning_rate", "gradient_norm", "samples_per_second", "tokens_per_second"})
      scalars.push_back({std::string("train/") + key, line[key].get<double>()});
    for (const auto& [group, norm] : line["gradient_norms"].items()) scalars.push_back({"gradient_norm/" + group, norm.get<double>()});
    tensorboard_->write(progress_.step, scalars);
  }

  void validate() {
    if (session_.config.data.validation.empty()) return;
    if (validation_.empty()) validation_ = session_.samples(session_.config.data.validation);
    const auto score = evaluate(*session_.model, *session_.collator, validation_, session_.config.eval).score;
    bar_.clear();
    spdlog::info("step {}: validation {} {:.4f} [{:.4f}, {:.4f}], n {}", progress_.step, score.metric, score.score, score.low,
                 score.high, score.n);
    if (tensorboard_) tensorboard_->write(progress_.step, {{"validation/" + score.metric, score.score}});
  }

  Session session_;
  RunFolder folder_;
  std::string config_text_;
  ProgressBar bar_;
  std::vector<Sample> samples_, validation_;
  Progress progress_;
  std::optional<AdamW> optimizer_;
  std::optional<std::pair<TensorMap, std::string>> optimizer_state_;  // of the checkpoint that is resumed
  std::optional<MetricsLog> log_;
  std::optional<TensorboardLog> tensorboard_;
  int bad_steps_ = 0;
  int64_t saved_step_ = 0;
};

}  // namespace

TrainingEnd train(const RunConfig& config, const TrainerOptions& options, torch::Device device) {
  PAL_CHECK(!config.stages.empty(), "the config has no stages to train");
  if (!options.dry_run && holds_finished_run(options.output, options.resume)) return TrainingEnd::kWasFinished;
  return Trainer(config, options, device).run(options.resume, options.dry_run);
}

}  // namespace pal

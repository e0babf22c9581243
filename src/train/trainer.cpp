#include "pal/train/trainer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "pal/config/dump.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/host_memory.h"
#include "pal/core/random.h"
#include "pal/train/metrics_log.h"
#include "pal/train/progress_bar.h"
#include "pal/train/stage_policy.h"
#include "pal/train/tensorboard.h"
#include "progress.h"
#include "run_folder.h"
#include "stop_signal.h"
#include "training_data.h"

namespace pal {

namespace {

using Json = nlohmann::json;
using Seconds = std::chrono::duration<double>;
using Clock = std::chrono::steady_clock;

constexpr int kMostBadStepsInARow = 10;

class Trainer {
 public:
  Trainer(const RunConfig& config, const TrainerOptions& options, torch::Device device)
      : session_(open_session(config, device)), folder_(options.output, session_.config.train.keep),
        config_text_(run_config_yaml(session_.config)), data_(session_.config, *session_.collator), bar_(std::cerr, progress_options_for_stderr()) {
    read_validation();
    read_from_cache(session_);
    session_.collator->check_caches(data_.samples());
    session_.collator->check_caches(validation_);
    for (std::size_t i = 0; i < session_.config.stages.size(); ++i) {
      auto plan = data_.plan(i);
      session_.config.stages[i].steps = plan.steps;
      plans_.push_back(std::move(plan.text));
    }
    for (const auto& stage : session_.config.stages) {  // a wrong pattern of a later stage is an error now, not after days
      apply_stage_policy(session_.parameters(), stage.trainable);
      (void)Schedule(schedule_options(stage));
    }
    spdlog::info("{} samples to train on; attention backend {}; {} on {}", data_.samples().size(), session_.model->backend().name(),
                 session_.config.model.dtype, device.str());
  }

  TrainingEnd run(bool resume, bool dry_run) {
    if (dry_run) return describe_stages();
    claim_run_folder(folder_.root());  // not before all that the config says is known to fit
    if (holds_finished_run(folder_.root(), resume, config_text_)) return TrainingEnd::kWasFinished;  // by whoever had the folder until now
    folder_.remove_leftovers();
    std::optional<Checkpoint> newest;
    if (resume) newest = folder_.newest(config_text_);
    if (newest) restore(*newest);
    const bool validate_first = newest && validation_is_due();
    log_.emplace(folder_.log(), progress_.step);
    if (!validation_.empty()) validation_log_.emplace(folder_.validation_log(), progress_.step - int64_t(validate_first));
    if (session_.config.train.tensorboard) tensorboard_.emplace(folder_.tensorboard(), progress_.step);
    StopSignal::install();
    if (validate_first) validate();
    while (progress_.stage < session_.config.stages.size()) {
      if (!run_stage(session_.config.stages[progress_.stage])) return stopped();
      next_stage();
    }
    const auto final_state = write_checkpoint(folder_.final(), progress_.step, content(/*with_optimizer=*/false));
    spdlog::info("done: {} (checkpoint {})", folder_.final().string(), final_state.hash.substr(0, 12));
    return TrainingEnd::kFinished;
  }

 private:
  void read_validation() {
    const auto& config = session_.config;
    if (config.data.validation.empty()) return;
    validation_ = session_.samples(config.data.validation);
    check_recordings(validation_, config.data.validation.path);
    check_evaluation(config.eval, validation_);
  }

  TrainingEnd describe_stages() {
    for (std::size_t i = 0; i < plans_.size(); ++i)
      spdlog::info("{}\n{}", plans_[i], format_group_counts(apply_stage_policy(session_.parameters(), session_.config.stages[i].trainable)));
    std::vector<const Sample*> first;
    for (const auto& sample : data_.samples())
      if (int64_t(first.size()) < session_.config.stages.at(0).batch_size) first.push_back(&sample);
    const auto batch = session_.collator->collate(first, Purpose::kTraining);
    spdlog::info("a batch of {} samples: {} text tokens, {} rows, {} targets", batch.ids.size(), batch.tokens.numel(),
                 session_.model->layout(batch).rows(), batch.target_tokens());
    return TrainingEnd::kDryRun;
  }

  void restore(const Checkpoint& checkpoint) {
    const auto state = run_state_from(checkpoint.load_state());
    const auto where = checkpoint.folder.string();
    PAL_CHECK(state.data.sha256 == data_.fingerprint().sha256,
              "{}: was trained on another {}: {} samples then, {} now; their order would be another. Put the old manifest back, or choose "
              "another --output",
              where, session_.config.data.train.name(), state.data.samples, data_.fingerprint().samples);
    if (state.threads != at::get_num_threads())
      spdlog::warn("{} CPU threads now, {} before: sums are rounded otherwise, so the run is not the uninterrupted one bit for bit",
                   at::get_num_threads(), state.threads);
    progress_ = state.progress;
    saved_step_ = progress_.step;
    load_trained(session_, checkpoint);
    if (progress_.stage_step > 0) optimizer_state_ = {checkpoint.load_optimizer(), where};
    spdlog::info("resuming after step {} from {}", progress_.step, checkpoint.folder.string());
  }

  void next_stage() {
    progress_.stage += 1;
    progress_.stage_step = 0;
    progress_.data = {};
    optimizer_.reset();
    save();
    if (!StopSignal::received()) validate();
  }

  CheckpointContent content(bool with_optimizer) const {
    CheckpointContent content;
    for (const auto& parameter : session_.parameters())
      if (progress_.trained.contains(parameter.name) || is_drawn(parameter.name)) content.model[parameter.name] = parameter.value.detach();
    if (with_optimizer && optimizer_) content.optimizer = optimizer_->state();
    content.state = to_json(RunState{progress_, data_.fingerprint(), config_text_, at::get_num_threads()});
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

  // Returns false where a signal stopped it before its end.
  bool run_stage(const StageOptions& stage) {
    const auto counts = apply_stage_policy(session_.parameters(), stage.trainable);
    spdlog::info("{}\n{}", plans_[progress_.stage], format_group_counts(counts));
    for (const auto& parameter : session_.parameters())
      if (parameter.value.requires_grad()) progress_.trained.insert(parameter.name);
    optimizer_.emplace(session_.parameters(), adamw_options(stage));
    if (optimizer_state_) optimizer_->load(optimizer_state_->first, optimizer_state_->second);
    optimizer_state_.reset();
    const Schedule schedule(schedule_options(stage));
    if (std::any_of(progress_.trained.begin(), progress_.trained.end(), [](const auto& name) { return name.starts_with("encoders."); }))
      session_.collator->forget_clips();  // what a trained encoder gave before is stale
    auto loader = data_.loader(progress_.stage, progress_.data, stage.steps - progress_.stage_step);
    bar_.start(stage.name, stage.steps, progress_.stage_step);
    while (progress_.stage_step < stage.steps) {
      if (StopSignal::received()) return false;
      step(stage, schedule.rate(progress_.stage_step), loader);
      if (progress_.stage_step == stage.steps) break;  // the end of a stage is saved by next_stage()
      if (is_multiple(session_.config.train.save_every)) save();
      if (validation_is_due() && !StopSignal::received()) validate();
    }
    bar_.finish();
    return true;
  }

  bool is_multiple(int64_t every) const { return every > 0 && progress_.step % every == 0; }

  bool validation_is_due() const {
    const bool at_stage_end = progress_.stage > 0 && progress_.stage_step == 0;
    return at_stage_end || is_multiple(session_.config.train.validate_every);
  }

  TrainingEnd stopped() {
    if (saved_step_ != progress_.step) save();
    bar_.clear();
    spdlog::warn("stopped by {} after step {}; go on with --resume auto", StopSignal::name(), progress_.step);
    return TrainingEnd::kStopped;
  }

  // A recording that cannot be read is never replaced: the step goes without it, or the run ends.
  void leave_out(const Sample& sample, const UserError& problem) {
    if (!progress_.unreadable.insert(sample.id).second) return;  // known from an earlier epoch
    const auto allowed = session_.config.data.skip_unreadable;
    if (int64_t(progress_.unreadable.size()) > allowed) {
      progress_.unreadable.erase(sample.id);
      if (progress_.step > std::max<int64_t>(0, saved_step_)) save();  // before the first step there is nothing to lose
      throw UserError(fmt::format("{} (sample '{}'); data.skip_unreadable allows {} such samples to be left out", problem.what(), sample.id,
                                  allowed));
    }
    bar_.clear();
    spdlog::warn("sample '{}' is left out ({} so far): {}", sample.id, progress_.unreadable.size(), problem.what());
  }

  void step(const StageOptions& stage, double rate, StepLoader& loader) {
    const auto begin = Clock::now();
    const auto planned = loader.next();
    std::vector<PalBatch> parts;
    int64_t targets = 0, tokens = 0;
    Seconds waiting{0};
    for (const auto& part : planned.parts) {
      const auto asked = Clock::now();
      std::vector<PreparedSample> members;
      for (std::size_t i = 0; i < part.size(); ++i) members.push_back(loader.take());
      waiting += Clock::now() - asked;
      auto batch = session_.collator->collate(members, [this](const Sample& sample, const UserError& problem) { leave_out(sample, problem); });
      if (batch.ids.empty()) continue;
      targets += batch.target_tokens();
      tokens += batch.tokens.numel();
      parts.push_back(std::move(batch));
    }
    const Seconds loading = Clock::now() - begin;
    const auto mask_seed = stream_seed(uint64_t(session_.config.train.seed), "dropout", uint64_t(progress_.step));
    double loss = 0;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      set_lora_masks(*session_.model, stream_seed(mask_seed, "part", part));
      const auto sum = session_.model->loss_sum(parts[part]);
      sum.backward();
      if (parts.size() > 1) optimizer_->accumulate();
      loss += sum.item<double>() / double(targets);
    }
    set_lora_masks(*session_.model, std::nullopt);
    const auto norms = optimizer_->clip(1.0 / double(targets), stage.clip_norm);
    const bool sound = targets > 0 && norms.finite() && std::isfinite(loss);
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
    progress_.data = planned.after;
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
                     {"unreadable_samples", progress_.unreadable.size()},
                     {"seconds", seconds.count()},
                     {"data_seconds", loading.count()},
                     {"waiting_seconds", waiting.count()},
                     {"resident_bytes", host_memory().resident()},
                     {"samples", planned.samples()},
                     {"samples_per_second", double(planned.samples()) / seconds.count()},
                     {"tokens_per_second", double(tokens) / seconds.count()}});
    if (bad_steps_ == kMostBadStepsInARow)
      throw std::runtime_error(fmt::format("{} steps in a row gave no finite gradient; the samples of the last are named above. The newest "
                                           "checkpoint is of step {}",
                                           kMostBadStepsInARow, std::max<int64_t>(0, saved_step_)));
  }

  void report_bad_step(const std::vector<PalBatch>& parts, double loss) {
    std::vector<std::string> ids;
    for (const auto& part : parts) ids.insert(ids.end(), part.ids.begin(), part.ids.end());
    bar_.clear();
    if (ids.empty())
      spdlog::warn("step {}: none of its samples can be read; the step is skipped", progress_.step + 1);
    else
      spdlog::warn("step {}: loss {} or its gradient is not a number; the step is skipped. Samples: {}", progress_.step + 1, loss,
                   fmt::join(ids, ", "));
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
    if (validation_.empty()) return;
    try {
      write_validation(evaluate(*session_.model, *session_.collator, validation_, session_.config.eval, /*withhold_audio=*/false,
                                StopSignal::received)
                           .score);
    } catch (const EvaluationStopped&) {
      bar_.clear();
      spdlog::warn("step {}: the validation was not finished; --resume auto begins with it", progress_.step);
    }
  }

  void write_validation(const Score& score) {
    bar_.clear();
    spdlog::info("step {}: validation {} {:.4f} [{:.4f}, {:.4f}], n {}", progress_.step, score.metric, score.score, score.low,
                 score.high, score.n);
    validation_log_->write({{"step", progress_.step}, {"metric", score.metric}, {"score", score.score}, {"low", score.low},
                            {"high", score.high}, {"n", score.n}});
    if (tensorboard_) tensorboard_->write(progress_.step, {{"validation/" + score.metric, score.score}});
  }

  Session session_;
  RunFolder folder_;
  std::string config_text_;
  TrainingData data_;
  ProgressBar bar_;
  std::vector<Sample> validation_;
  std::vector<std::string> plans_;  // of the stages, for people
  Progress progress_;
  std::optional<AdamW> optimizer_;
  std::optional<std::pair<TensorMap, std::string>> optimizer_state_;  // of the checkpoint that is resumed
  std::optional<MetricsLog> log_, validation_log_;
  std::optional<TensorboardLog> tensorboard_;
  int bad_steps_ = 0;
  int64_t saved_step_ = -1;  // of the newest checkpoint
};

}  // namespace

TrainingEnd train(const RunConfig& config, const TrainerOptions& options, torch::Device device) {
  PAL_CHECK(!config.stages.empty(), "the config has no stages to train");
  // Before anything is loaded; what the session adds to the config (answers) does not matter here.
  if (!options.dry_run && holds_finished_run(options.output, options.resume, run_config_yaml(config))) return TrainingEnd::kWasFinished;
  return Trainer(config, options, device).run(options.resume, options.dry_run);
}

}  // namespace pal

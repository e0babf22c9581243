#include "pal/train/trainer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iostream>

#include "pal/config/dump.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/host_memory.h"
#include "pal/core/printable.h"
#include "pal/distributed/agree.h"
#include "pal/train/progress_bar.h"
#include "pal/train/stage_policy.h"
#include "bad_step.h"
#include "checkpoint_saver.h"
#include "progress.h"
#include "run_folder.h"
#include "run_log.h"
#include "step_result.h"
#include "step_runner.h"
#include "steps_ahead.h"
#include "stop_signal.h"
#include "training_data.h"
#include "validation.h"
#include "watchdog.h"
#include "watched.h"

namespace pal {

namespace {

using Json = nlohmann::json;
using Seconds = std::chrono::duration<double>;
using Clock = std::chrono::steady_clock;

// Every process has a trainer, with the whole model and its share of every step. What all do alike, they decide alike. Each writes its
// part of a checkpoint, and process 0 all else.
class Trainer {
 public:
  // Exchanges nothing.
  Trainer(const RunConfig& config, const TrainerOptions& options, torch::Device device, ProcessGroup& group)
      : group_(group), session_(open_session(config, device)), folder_(options.output, session_.config.train.keep), config_text_(run_config_yaml(session_.config)),
        data_(session_.config, *session_.collator, {group.rank(), group.size()}), bar_(group.is_first() ? std::cerr : silence_, progress_options_for_stderr()),
        saver_(group, folder_.checkpoints(), is_sharded(session_.config.train, group)),
        watchdog_(options.stall, [this](const std::string& what, std::chrono::seconds since) { say_stall(what, since); }) {
    read_validation();
    read_from_cache(session_);
    session_.collator->check_caches(data_.samples());
    session_.collator->check_caches(validation_);
    if (session_.config.train.graphs.round > 0) check_buckets();
    for (std::size_t i = 0; i < session_.config.stages.size(); ++i) {
      auto plan = data_.plan(i);
      session_.config.stages[i].steps = plan.steps;
      plans_.push_back(std::move(plan.text));
    }
    for (const auto& stage : session_.config.stages) {  // a wrong pattern of a later stage is an error now, not after days
      apply_stage_policy(session_.parameters(), stage.trainable);
      (void)Schedule(schedule_options(stage));
    }
    spdlog::info("{} samples to train on; attention backend {}; {} on {}{}", data_.samples().size(), session_.model->backend().name(), session_.config.model.dtype,
                 device.str(), group.size() > 1 ? fmt::format("; {} processes", group.size()) : "");
  }

  TrainingEnd run(bool resume, bool dry_run) {
    if (dry_run) return describe_stages();
    const auto finished = on_first(group_, [&]() -> std::string {
      claim_run_folder(folder_.root());  // not before all that the config says is known to fit
      return holds_finished_run(folder_.root(), resume, config_text_) ? "yes" : "no";  // by whoever had the folder until now
    });
    if (finished == "yes") return TrainingEnd::kWasFinished;
    go_on_from(newest_checkpoint(resume));
    StopSignal::install();
    if (validate_first_) validate();
    while (progress_.stage < session_.config.stages.size()) {
      if (!run_stage(session_.config.stages[progress_.stage])) return stopped();
      next_stage();
    }
    if (stopping_ && !validation_.empty()) return stopped();  // the last validation is still to be done
    write_final();
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

  void check_buckets() const {
    PAL_CHECK(group_.size() == 1, "train.graphs: a graph does not exchange gradients, but there are {} processes; use one, or set train.graphs.round to 0", group_.size());
    check_training_graphs(*session_.model, session_.config.train.graphs);
    if (!session_.model->device().is_cuda()) spdlog::info("train.graphs: on the CPU batches are filled up to buckets, but their steps are not recorded");
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

  // The folder of the checkpoint to go on from; empty: from the beginning.
  std::string newest_checkpoint(bool resume) {
    return on_first(group_, [&]() -> std::string {
      folder_.remove_leftovers();
      const auto newest = resume ? folder_.newest(config_text_) : std::nullopt;
      return newest ? newest->folder.string() : "";
    });
  }

  // All processes read the same checkpoint, and have the same numbers afterwards.
  void go_on_from(const std::string& checkpoint) {
    together(group_, [&] {
      if (!checkpoint.empty()) restore({.folder = checkpoint, .step = 0, .hash = ""});  // whose files process 0 has checked
      validate_first_ = !checkpoint.empty() && validation_is_due();
      if (!group_.is_first()) return;
      log_.emplace(folder_, session_.config.train, progress_.step);
      if (!validation_.empty()) log_->expect_validations(folder_, progress_.step - int64_t(validate_first_));
    });
    std::vector<NamedReplica> all, changing;
    for (const auto& parameter : session_.parameters()) {
      all.push_back({parameter.name, parameter.value});
      if (is_saved(parameter.name)) changing.push_back(all.back());
    }
    copy_from_first(group_, changing);
    check_equal(group_, all);
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
    saver_.go_on_from(progress_.step);
    load_trained(session_, checkpoint);
    if (progress_.stage_step > 0) optimizer_state_ = {checkpoint.load_optimizer(), where};
    spdlog::info("resuming after step {} from {}", progress_.step, checkpoint.folder.string());
  }

  void next_stage() {
    progress_.stage += 1;
    progress_.stage_step = 0;
    progress_.data = {};
    runner_.reset();
    save();
    if (!stopping_) validate();
  }

  // Whether the tensor is in checkpoints: others are as the LLM's and the encoders' own files have them.
  bool is_saved(const std::string& name) const { return progress_.trained.contains(name) || is_drawn(name); }

  CheckpointContent content(bool with_optimizer) const {
    CheckpointContent content;
    for (const auto& parameter : session_.parameters())
      if (is_saved(parameter.name)) content.model[parameter.name] = parameter.value.detach();
    if (with_optimizer && runner_) content.optimizer = runner_->state();
    content.state = to_json(RunState{progress_, data_.fingerprint(), config_text_, at::get_num_threads()});
    return content;
  }

  // Every process writes a part: its slices of the optimizer's state, and its share of what all have. In the background, or at once, before what ends the run.
  enum class Saving { kInBackground, kAtOnce };
  void save(Saving how = Saving::kInBackground) {
    watchdog_.begin(fmt::format("step {}: saving", progress_.step));
    bar_.clear();
    const auto all = content(/*with_optimizer=*/true);
    how == Saving::kAtOnce ? saver_.save(progress_.step, all) : saver_.begin(progress_.step, all);
    watchdog_.rest();
  }

  void finish_saving() {
    bar_.clear();
    saver_.finish();
  }

  void write_final() {
    watchdog_.begin("writing final");
    saver_.finish();
    const auto all = content(/*with_optimizer=*/false);
    check_replicas(group_, all, /*sharded=*/false);
    const auto hash = on_first(group_, [&] {
      log_->finish();
      return write_checkpoint(folder_.final(), progress_.step, all).hash;
    });
    spdlog::info("done: {} (checkpoint {})", folder_.final().string(), hash.substr(0, 12));
    watchdog_.rest();
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
    runner_.emplace(session_, stage, group_);
    if (optimizer_state_) runner_->load(optimizer_state_->first, optimizer_state_->second);
    optimizer_state_.reset();
    const Schedule schedule(schedule_options(stage));
    if (std::any_of(progress_.trained.begin(), progress_.trained.end(), [](const auto& name) { return name.starts_with("encoders."); }))
      session_.collator->forget_clips();  // what a trained encoder gave before is stale
    const auto left = stage.steps - progress_.stage_step;
    auto loader = data_.loader(progress_.stage, progress_.data, left);
    StepsAhead steps(left, [&, number = progress_.step]() mutable { return take(loader, ++number); });
    bar_.start(stage.name, stage.steps, progress_.stage_step);
    while (progress_.stage_step < stage.steps) {
      if (stopping_) return false;
      step(stage, schedule.rate(progress_.stage_step), steps);
      if (progress_.stage_step == stage.steps) break;  // the end of a stage is saved by next_stage()
      if (is_multiple(session_.config.train.save_every)) save();
      if (validation_is_due() && !stopping_) validate();
    }
    bar_.finish();
    if (const auto* buckets = runner_->buckets()) say_buckets(stage.name, *buckets);
    return true;
  }

  static void say_buckets(const std::string& stage, const BucketCounts& counts) {
    spdlog::info("stage '{}': {} buckets of shapes, {} graphs recorded, {} of {} batches by a graph; {:.1f}% of the rows were filling", stage, counts.buckets, counts.recorded, counts.replayed, counts.batches,
                 100 * counts.padding_share());
  }

  bool is_multiple(int64_t every) const { return every > 0 && progress_.step % every == 0; }

  bool validation_is_due() const {
    const bool at_stage_end = progress_.stage > 0 && progress_.stage_step == 0;
    return at_stage_end || is_multiple(session_.config.train.validate_every);
  }

  TrainingEnd stopped() {
    save(Saving::kAtOnce);
    try {
      if (log_) log_->finish();
    } catch (const UserError& problem) {
      spdlog::error("{}", problem.what());
    }
    spdlog::warn("stopped by {} after step {}; go on with --resume auto", StopSignal::name(), progress_.step);
    return TrainingEnd::kStopped;
  }

  // A recording that cannot be read is never replaced: the step goes without it, or the run ends. found: of this step, in this process.
  void leave_out(const std::vector<Unreadable>& found) {
    Json own = Json::array();
    for (const auto& sample : found) own.push_back({sample.id, printable(sample.problem)});
    for (const auto& of_process : gather_json(group_, own))
      for (const auto& sample : of_process) leave_out({sample[0], sample[1]});
  }

  void leave_out(const Unreadable& sample) {
    if (!progress_.unreadable.insert(sample.id).second) return;  // known from an earlier epoch
    const auto allowed = session_.config.data.skip_unreadable;
    if (int64_t(progress_.unreadable.size()) > allowed) {
      progress_.unreadable.erase(sample.id);
      if (progress_.step > 0) save(Saving::kAtOnce);  // before the first step there is nothing to lose
      throw_in_all<UserError>(group_, fmt::format("{} (sample '{}'); data.skip_unreadable allows {} such samples to be left out", sample.problem, sample.id, allowed));
    }
    bar_.clear();
    if (group_.is_first()) spdlog::warn("sample '{}' is left out ({} so far): {}", sample.id, progress_.unreadable.size(), sample.problem);
  }

  std::vector<std::string> ids_of(const std::vector<std::vector<Draw>>& parts) const {
    std::vector<std::string> ids;
    for (const auto& part : parts)
      for (const auto& draw : part) ids.push_back(data_.samples()[std::size_t(draw.sample)].id);
    return ids;
  }

  // Said by the watchdog's thread.
  void say_stall(const std::string& what, std::chrono::seconds since) const {
    const auto missing = group_.missing();
    spdlog::error("{}: not done for {} s; something hangs: a file system, the device or another process{}", what, since.count(), missing.empty() ? "" : ". Not here yet: " + missing);
  }

  // The loader's next step, which is the number-th of all, in the model's reach.
  TakenStep take(StepLoader& loader, int64_t number) {
    const auto step = loader.next();
    watchdog_.begin(fmt::format("step {}: getting samples {} ready", number, fmt::join(ids_of(step.own), ", ")));
    TakenStep taken{step.planned, take_part(loader, step, *session_.collator)};
    for (auto& batch : taken.own.batches) session_.model->send(batch);
    return taken;
  }

  // Whether the next step's samples are taken before this step, which is launched, is done: where that fills time of the device, and nothing else comes
  // before the next step. What may take long must not keep a save waiting, nor hold a trained encoder's activations during a validation.
  bool may_take_ahead() const {
    const auto comes = [this](int64_t every) { return every > 0 && (progress_.step + 1) % every == 0; };
    const auto& train = session_.config.train;
    return session_.model->device().is_cuda() && !StopSignal::received() && !comes(train.save_every) && !comes(train.validate_every);
  }

  void step(const StageOptions& stage, double rate, StepsAhead& steps) {
    const auto begin = Clock::now();
    const auto [planned, own] = steps.next();
    const auto training = fmt::format("step {}: training on samples {}", progress_.step + 1, fmt::join(own.ids, ", "));
    watchdog_.begin(training);
    const auto counts = sum_of(group_, {own.targets(), own.tokens(), int64_t(own.unreadable.size()), saver_.has_written(), StopSignal::received()});
    if (counts.unreadable > 0) leave_out(own.unreadable);
    if (counts.written == group_.size()) finish_saving();
    const auto sums = runner_->run(progress_.step, own.batches, counts.targets, rate, [&] {
      if (counts.stopping == 0 && may_take_ahead()) steps.take_ahead();
      watchdog_.begin(training);
    });
    stopping_ = sums.stopping;
    const StepResult result{counts, sums.loss / double(counts.targets), sums.norms, rate, sums.flops, sums.padding_share};
    if (result.is_sound())
      bad_.clear();
    else
      skip({progress_.step + 1, counts.targets, result.loss, result.norms, own.ids});

    progress_.step += 1;
    progress_.stage_step += 1;
    progress_.data = planned.after;
    bar_.update(progress_.stage_step, result.loss, counts.tokens);
    if (log_) log_->step(logged(stage, planned, result, own, Clock::now() - begin));
    watchdog_.rest();
    if (bad_.size() == std::size_t(session_.config.train.bad_steps)) end_diverged(bad_.back());
  }

  void skip(BadStep bad) {
    bar_.clear();
    spdlog::warn(describe(bad));
    bad_.push_back(std::move(bad));
    progress_.skipped += 1;
  }

  // For log.jsonl, after the step.
  Json logged(const StageOptions& stage, const PlannedStep& planned, const StepResult& result, const StepPart& own, Seconds seconds) const {
    auto line = line_of(result, stage.name, progress_);
    line["samples"] = planned.samples();
    if (session_.config.train.log_samples) line["sample_ids"] = ids_of(planned.parts);
    add_times(line, seconds, own, result.flops);
    if (is_multiple(session_.config.train.attention_every))
      if (auto attention = audio_attention(*session_.model, own.batches); !attention.empty()) line["audio_attention"] = std::move(attention);
    return line;
  }

  // What the step took: time and memory, of which process 0 knows its own.
  void add_times(Json& line, Seconds seconds, const StepPart& own, double flops) const {
    line["seconds"] = seconds.count();
    line["data_seconds"] = own.loading.count();
    line["waiting_seconds"] = own.waiting.count();
    line["samples_per_second"] = line.at("samples").get<double>() / seconds.count();
    line["tokens_per_second"] = line.at("text_tokens").get<double>() / seconds.count();
    line["resident_bytes"] = host_memory().resident();
    if (const auto bytes = peak_device_bytes(*session_.model)) line["device_bytes"] = *bytes;
    if (const auto mfu = utilisation(session_.config.train, group_.size(), flops / seconds.count())) line["mfu"] = *mfu;
  }

  // Ends the run, and leaves what it had then, for people to look at. The steps were skipped, so that is as the last sound one left it.
  [[noreturn]] void end_diverged(const BadStep& bad) {
    saver_.settle();
    auto left = content(/*with_optimizer=*/true);
    left.state["bad_step"] = to_json(group_, bad);
    const auto folder = save_together(group_, folder_.diverged(), progress_.step, left, is_sharded(session_.config.train, group_)).folder;
    throw_in_all<std::runtime_error>(
        group_, fmt::format("{} steps in a row gave no finite loss or gradient (train.bad_steps); the samples of the last are named above. What the run had then is in {} "
                            "(pal-inspect checkpoint); the newest checkpoint is of step {}",
                            bad_.size(), folder.string(), std::max<int64_t>(0, saver_.newest())));
  }

  void validate() {
    if (validation_.empty()) return;
    finish_saving();  // before what may take long
    const auto score = evaluate_together(group_, *session_.model, *session_.collator, validation_, session_.config.eval, StopSignal::received);
    if (!score) {
      stopping_ = true;
      return spdlog::warn("step {}: the validation was not finished; --resume auto begins with it", progress_.step);
    }
    spdlog::info("step {}: validation {} {:.4f} [{:.4f}, {:.4f}], n {}", progress_.step, score->metric, score->score, score->low, score->high, score->n);
    const auto best = on_first(group_, [&] { return log_->validation(progress_.step, *score) ? "yes" : "no"; });
    if (best == "no" || !session_.config.train.keep_best) return;
    save();
    saver_.mark_best(progress_.step);
  }

  ProcessGroup& group_;
  Session session_;
  RunFolder folder_;
  std::string config_text_;
  TrainingData data_;
  std::ostream silence_{nullptr};
  ProgressBar bar_;
  std::vector<Sample> validation_;
  std::vector<std::string> plans_;  // of the stages, for people
  Progress progress_;
  std::optional<StepRunner> runner_;  // of the stage
  std::optional<std::pair<TensorMap, std::string>> optimizer_state_;  // of the checkpoint that is resumed
  std::optional<RunLog> log_;  // of process 0
  bool validate_first_ = false;  // a validation was due when the checkpoint was written
  bool stopping_ = false;        // a signal came, to whichever process
  std::vector<BadStep> bad_;     // skipped, in a row
  CheckpointSaver saver_;
  Watchdog watchdog_;        // the last one: its thread uses what is above
};

}  // namespace

TrainingEnd train(const RunConfig& config, const TrainerOptions& options, torch::Device device, ProcessGroup& group) {
  // Before anything is loaded; what the session adds to the config (answers) does not matter here.
  const auto finished = on_first(group, [&]() -> std::string {
    PAL_CHECK(!config.stages.empty(), "the config has no stages to train");
    return !options.dry_run && holds_finished_run(options.output, options.resume, run_config_yaml(config)) ? "yes" : "no";
  });
  if (finished == "yes") return TrainingEnd::kWasFinished;
  std::optional<Trainer> trainer;
  together(group, [&] { trainer.emplace(config, options, device, group); });
  return trainer->run(options.resume, options.dry_run);
}

TrainingEnd train(const RunConfig& config, const TrainerOptions& options, torch::Device device) {
  ProcessGroup alone;
  return train(config, options, device, alone);
}

}  // namespace pal

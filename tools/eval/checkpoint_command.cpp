#include "tools/eval/checkpoint_command.h"

#include <spdlog/spdlog.h>

#include "pal/config/dump.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/strict_json.h"
#include "pal/core/tool.h"
#include "pal/eval/answering.h"
#include "pal/eval/benchmark.h"
#include "pal/train/session.h"
#include "tools/eval/evaluation_job.h"
#include "tools/eval/rank.h"

namespace pal {

namespace {

using Json = nlohmann::json;

constexpr int kDeepestResult = 64;  // levels of JSON; ours have six

Json describe(const EvaluationOptions& o) {
  Json decoding = {{"protocol", o.protocol}, {"metric", o.metric}, {"batch_size", o.batch_size}};
  if (o.protocol == "likelihood") {
    decoding["answers"] = o.answers;
    decoding["normalize"] = o.normalize;
  } else {
    const auto& g = o.generate;
    decoding["generate"] = {{"max_new_tokens", g.max_new_tokens}, {"temperature", g.temperature}, {"top_k", g.top_k},
                            {"top_p", g.top_p}, {"repetition_penalty", g.repetition_penalty}, {"seed", g.seed}};
  }
  return decoding;
}

ManifestPart manifest_of(const CheckpointArguments& a, const DataOptions& data) {
  return a.manifest.empty() ? manifest_of(data, a.split) : ManifestPart(a.manifest);
}

// A model in the config that is not the checkpoint's would be ignored without a word. Backend and the like may differ.
void refuse_another_model(const RunConfig& given, const RunConfig& checkpoint, const CheckpointArguments& a) {
  std::vector<std::string> different;
  for (const auto& d : diff(run_config_yaml(checkpoint), run_config_yaml(given)))
    if (d.path.starts_with("model.llm") || d.path.starts_with("model.encoders") || d.path.starts_with("model.streams") || d.path.starts_with("model.dtype"))
      different.push_back(fmt::format("{}: {} -> {}", d.path, d.before, d.after));
  PAL_CHECK(different.empty(), "{}: describes another model than {}; pal-eval scores the checkpoint's\n  {}", a.config.string(),
            a.checkpoint.string(), fmt::join(different, "\n  "));
}

// The checkpoint says what the model is; a config, where given, says what is asked and how it is scored.
Session open(const CheckpointArguments& a, const Checkpoint& checkpoint) {
  auto session = open_session(checkpoint, a.config.empty() ? a.sets : std::vector<std::string>{}, parse_device(a.device, gpu_of_process()));
  if (a.config.empty()) return session;
  const auto given = load_run_config(a.config, a.sets);
  refuse_another_model(given, session.config, a);
  session.config.data = given.data;
  session.config.eval = given.eval;
  const bool wants_answers = given.eval.protocol == "likelihood" && given.eval.answers.empty() && !given.data.train.empty();
  if (wants_answers) session.config.eval.answers = implied_answers(given.data);
  return session;
}

void make_folder(const std::filesystem::path& output) {
  if (output.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(output, error);
  PAL_CHECK(!error, "--output {}: the folder cannot be made: {}", output.string(), error.message());
}

// What was made before with the same settings; nothing where there is no result yet.
Json finished_result(const std::filesystem::path& file, const Json& settings) {
  if (!std::filesystem::exists(file)) return {};
  auto result = parse_strict_json(read_file(file), file.string(), kDeepestResult);
  PAL_CHECK(result.is_object() && result.contains("settings") && result.contains("score"), "{}: is no result of pal-eval; remove it or choose another --output",
            file.string());
  PAL_CHECK(result["settings"] == settings, "{}: holds the result of other settings; remove it or choose another --output", file.string());
  spdlog::info("{}: is there already, made with the same settings", file.string());
  return result;
}

std::vector<Answer> answer_at_once(Answerer& answerer, const std::vector<Sample>& samples) {
  std::vector<Answer> answers;
  for (int64_t batch = 0; batch < answerer.batches(samples); ++batch)
    for (auto& answer : answerer.answer(samples, batch)) answers.push_back(std::move(answer));
  return answers;
}

// All answers; nothing where other ranks have not finished theirs.
std::optional<std::vector<Answer>> answers_of(const CheckpointArguments& a, Session& session, const EvaluationJob& job, const Json& settings,
                                              Rank rank) {
  if (!a.withhold_audio) check_recordings(job.samples, manifest_of(a, session.config.data).path);
  make_folder(a.output);  // before the work, not after it
  Answerer answerer(*session.model, *session.collator, job.options, a.withhold_audio);
  if (a.output.empty()) return answer_at_once(answerer, job.samples);
  return answer_in_folder(answerer, job.samples, a.output, sha256(settings.dump()), rank);
}

void print(const Json& score, bool json) {
  if (json)
    fmt::print("{}\n", score.dump());
  else
    fmt::print("{} {:.4f}  [{:.4f}, {:.4f}]  n {}\n", score["metric"].get<std::string>(), score["score"].get<double>(),
               score["low"].get<double>(), score["high"].get<double>(), score["n"].get<int64_t>());
}

void check_arguments(const CheckpointArguments& a) {
  const auto& b = a.benchmark;
  const bool embedding = !b.embedder.empty() || !b.label_embeddings.empty() || !b.answer_embeddings.empty() || !b.embedder_name.empty();
  const bool jars = !b.java.meteor_jar.empty() || !b.java.spice_jar.empty();
  PAL_CHECK(!b.name.empty() || !(embedding || jars || !b.protocol.empty() || b.ltu_sampling),
            "--protocol, --ltu-sampling, embeddings and jars are of --benchmark, which is not given");
  if (b.name.empty()) return;
  const auto& benchmark = find_benchmark(b.name);  // before weights are read
  const bool embeds = benchmark.has_labels() && b.protocol != "likelihood";
  PAL_CHECK(embeds || !embedding, "--embedder, --label-embeddings, --answer-embeddings and --embedder-name: {} {} compares no texts by embeddings", b.name,
            benchmark.has_labels() ? "by likelihood" : "has captions and");
  PAL_CHECK(!jars || !benchmark.has_labels(), "--meteor-jar and --spice-jar: {} has labels and no captions", b.name);
}

}  // namespace

void add_checkpoint_options(CLI::App& app, CheckpointArguments& a) {
  app.add_option("--checkpoint", a.checkpoint, "folder of a checkpoint, for example runs/NAME/final");
  app.add_option("--config", a.config, "take data and eval from here (default: from the checkpoint)");
  app.add_option("--set", a.sets, "override an option of the config: a.b=c")->take_all()->allow_extra_args(false);
  app.add_option("--split", a.split, "train, validation or test: which manifest of the config");
  app.add_option("--manifest", a.manifest, "another manifest");
  app.add_option("--output", a.output, "folder for results.json: config, checkpoint hash, settings, every prediction; a run that was killed goes on there");
  app.add_flag("--withhold-audio", a.withhold_audio, "control: the model answers without hearing");
  app.add_option("--device", a.device, "auto, cpu or cuda: the GPU of LOCAL_RANK of the environment, or the first");
  app.add_option("--rank", a.rank, "which of --ranks processes this is, from 0 (default: RANK of the environment)");
  app.add_option("--ranks", a.ranks, "how many processes share the work and --output (default: WORLD_SIZE of the environment)");
  auto& b = a.benchmark;
  app.add_option("--benchmark", b.name, "esc50, dcase2017, vocalsound, fsd50k, audioset, audiocaps or clotho: asked and scored as published");
  app.add_option("--protocol", b.protocol, "of a benchmark; ltu: free text, by embeddings; likelihood: of every label (default: ltu)");
  app.add_flag("--ltu-sampling", b.ltu_sampling, "of a benchmark: draw as LTU does instead of decoding as the config says (by default greedily)");
  app.add_option("--embedder", b.embedder, "of a benchmark: folder of a BERT of sentence-transformers (default: assets/all-minilm-l6-v2)");
  app.add_option("--label-embeddings", b.label_embeddings, "of a benchmark: another model's embeddings of label_texts.txt, safetensors");
  app.add_option("--answer-embeddings", b.answer_embeddings, "and of answer_texts.txt");
  app.add_option("--embedder-name", b.embedder_name, "the model that made them, where the files do not say it");
}

int evaluate_checkpoint(const CheckpointArguments& a) {
  check_arguments(a);
  const auto rank = rank_of_process(a.rank, a.ranks);
  PAL_CHECK(rank.ranks == 1 || !a.output.empty(), "{} ranks need an --output that all of them see", rank.ranks);
  const auto checkpoint = open_checkpoint(a.checkpoint);
  auto session = open(a, checkpoint);
  const auto manifest = manifest_of(a, session.config.data);
  const auto job = a.benchmark.name.empty() ? config_job(session, manifest) : benchmark_job(session, manifest, a);
  Json settings = {{"checkpoint", {{"path", a.checkpoint.string()}, {"step", checkpoint.step}, {"hash", checkpoint.hash}}},
                   {"manifest", {{"path", manifest.path.string()}, {"split", manifest.split}, {"sha256", sha256_of_file(manifest.path)}}},
                   {"decoding", describe(job.options)},
                   {"device", session.model->device().is_cuda() ? "cuda" : "cpu"},
                   {"withhold_audio", a.withhold_audio},
                   {"config", run_config_yaml(session.config)}};
  if (!job.settings.is_null()) settings.update(job.settings);
  const auto asked = settings;
  if (!job.scoring.is_null()) settings.update(job.scoring);

  const auto file = a.output / "results.json";
  auto result = a.output.empty() ? Json() : finished_result(file, settings);
  if (result.is_null()) {
    spdlog::info("{} samples of {}{}", job.samples.size(), manifest.name(), a.withhold_audio ? ", audio withheld" : "");
    const auto answers = answers_of(a, session, job, asked, rank);
    if (!answers) {
      spdlog::info("rank {} of {} has finished; results.json is written by the last to finish, or by starting any of them again", rank.rank, rank.ranks);
      return kDone;
    }
    result = job.score(*answers);
    result["settings"] = settings;
    if (!a.output.empty()) {
      write_file_atomically(file, result.dump(1) + "\n");
      spdlog::info("wrote {}", file.string());
    }
  }
  print(result["score"], a.json);
  return kDone;
}

}  // namespace pal

// A benchmark by its name: LTU's protocol, whose free text becomes labels by embeddings, or the likelihood of every label.
#include <spdlog/spdlog.h>

#include <fstream>
#include <memory>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/eval/benchmark_run.h"
#include "pal/eval/text_labels.h"
#include "tools/eval/evaluation_job.h"

namespace pal {

namespace {

using Json = nlohmann::json;
using Texts = std::vector<std::string>;

const std::filesystem::path kPackagedEmbedder = "assets/all-minilm-l6-v2";

// Embeddings of answers and labels, from wherever they come.
struct Embeddings {
  Json identity;
  std::function<torch::Tensor(const Texts&)> of_labels, of_answers;
};

Embeddings packaged_embeddings(const BenchmarkArguments& a, torch::Device device) {
  PAL_CHECK(a.embedder_name.empty(), "--embedder-name is of embeddings that were made elsewhere; give --label-embeddings and --answer-embeddings");
  auto embedder = std::make_shared<TextEmbedder>(a.embedder.empty() ? kPackagedEmbedder : a.embedder, device);
  const auto embed = [embedder](const Texts& texts) { return embedder->embed(texts); };
  return {{{"name", embedder->identity().name}, {"weights_sha256", embedder->identity().weights_sha256}}, embed, embed};
}

Embeddings stored_embeddings(const BenchmarkArguments& a) {
  PAL_CHECK(a.embedder.empty(), "--embedder: nothing is embedded where --label-embeddings and --answer-embeddings are given");
  PAL_CHECK(!a.label_embeddings.empty() && !a.answer_embeddings.empty(),
            "--label-embeddings and --answer-embeddings go together: embeddings of different models do not compare");
  auto labels = std::make_shared<StoredEmbeddings>(a.label_embeddings, a.embedder_name);
  auto answers = std::make_shared<StoredEmbeddings>(a.answer_embeddings, a.embedder_name);
  const auto &l = labels->identity(), &r = answers->identity();
  PAL_CHECK(l.name == r.name && l.weights_sha256 == r.weights_sha256, "{} was made by '{}' and {} by '{}': embeddings of different models do not "
            "compare", a.label_embeddings.string(), l.name, a.answer_embeddings.string(), r.name);
  const Json identity = {{"name", l.name}, {"weights_sha256", l.weights_sha256}, {"label_embeddings_sha256", labels->sha256()},
                         {"answer_embeddings_sha256", answers->sha256()}};
  return {identity, [labels](const Texts& texts) { return labels->rows_of(texts); }, [answers](const Texts& texts) { return answers->rows_of(texts); }};
}

Embeddings embeddings_of(const BenchmarkArguments& a, torch::Device device) {
  return a.label_embeddings.empty() && a.answer_embeddings.empty() ? packaged_embeddings(a, device) : stored_embeddings(a);
}

void write_lines(const std::filesystem::path& file, const Texts& texts) {
  write_file_atomically(file, [&](std::ostream& out) {
    for (const auto& text : texts) out << text << '\n';
  });
}

// What `pal-eval --predictions` reads, so that scores can be computed and compared again.
void write_class_scores(const std::filesystem::path& file, const std::vector<ClassScores>& clips) {
  write_file_atomically(file, [&](std::ostream& out) {
    for (const auto& clip : clips) out << Json{{"id", clip.id}, {"scores", clip.scores}, {"labels", clip.labels}}.dump() << '\n';
  });
}

GenerateOptions ltu_sampling(GenerateOptions given) {
  given.temperature = 0.1;
  given.top_p = 0.95;
  given.top_k = 500;
  given.repetition_penalty = 1.1;
  given.max_new_tokens = 400;
  return given;
}

// The classes are those of the whole manifest, whichever split is scored.
Texts classes_of(const Benchmark& benchmark, const Session& session, const ManifestPart& manifest) {
  if (!benchmark.has_labels()) return {};
  auto labels = labels_of(session.samples(manifest.path));
  if (int64_t(labels.size()) != benchmark.classes)
    spdlog::warn("{} has {} classes, but the manifest names {}: the score does not compare with published ones", benchmark.name,
                 benchmark.classes, labels.size());
  return labels;
}

torch::Tensor similarities(const Benchmark& benchmark, const Texts& labels, const std::vector<Answer>& answers, const Embeddings& embeddings,
                           const std::filesystem::path& output) {
  Texts label_queries, answer_queries;
  for (const auto& label : labels) label_queries.push_back(label_query(benchmark, label));
  for (const auto& answer : answers) answer_queries.push_back(answer_query(answer_text(benchmark, answer.text)));
  if (!output.empty()) {  // before embeddings are looked for: another model's are made of these
    write_lines(output / "label_texts.txt", label_queries);
    write_lines(output / "answer_texts.txt", answer_queries);
  }
  return cosine_similarities(embeddings.of_answers(answer_queries), embeddings.of_labels(label_queries));
}

Json described(const Benchmark& benchmark, const BenchmarkResult& result, const Texts& labels, const std::filesystem::path& output) {
  Json json = {{"score", Json::parse(to_json(result.score))}, {"predictions", result.predictions}, {"skipped", Json::array()}};
  if (benchmark.has_labels()) {
    json["classes"] = labels;
    if (!output.empty()) write_class_scores(output / "class_scores.jsonl", result.classes);
  } else {
    for (const auto& other : result.others) json["others"].push_back(Json::parse(to_json(other)));
  }
  return json;
}

}  // namespace

EvaluationJob benchmark_job(const Session& session, const ManifestPart& manifest, const CheckpointArguments& a) {
  const auto& benchmark = find_benchmark(a.benchmark.name);
  const auto protocol = a.benchmark.protocol.empty() ? std::string("ltu") : a.benchmark.protocol;
  EvaluationJob job;
  const auto labels = classes_of(benchmark, session, manifest);
  job.options = benchmark_options(benchmark, protocol, labels, session.config.data.prompt, session.config.eval);
  job.samples = session.samples(manifest);
  check_benchmark(benchmark, job.samples, labels);
  PAL_CHECK(!a.benchmark.ltu_sampling || protocol == "ltu", "--ltu-sampling is of --protocol ltu: the likelihood draws nothing");
  if (a.benchmark.ltu_sampling) job.options.generate = ltu_sampling(job.options.generate);
  if (protocol == "ltu") ask_as_ltu(benchmark, session.config.data.prompt.system, job.samples);
  job.settings = {{"benchmark", {{"name", benchmark.name}, {"protocol", protocol}}}};
  if (protocol == "ltu") job.settings["benchmark"]["question"] = benchmark.question;

  if (!benchmark.has_labels()) {
    job.scoring = {{"meteor_jar", a.benchmark.java.meteor_jar.string()}, {"spice_jar", a.benchmark.java.spice_jar.string()}};
    job.score = [&benchmark, samples = job.samples, output = a.output, java = a.benchmark.java](const std::vector<Answer>& answers) {
      return described(benchmark, score_captions(benchmark, samples, answers, java), {}, output);
    };
  } else if (protocol == "likelihood") {
    job.score = [&benchmark, labels, samples = job.samples, output = a.output](const std::vector<Answer>& answers) {
      return described(benchmark, score_likelihoods(benchmark, labels, samples, answers), labels, output);
    };
  } else {
    auto embeddings = embeddings_of(a.benchmark, session.model->device());
    job.scoring = {{"embedder", embeddings.identity}};
    job.score = [&benchmark, labels, samples = job.samples, output = a.output, embeddings](const std::vector<Answer>& answers) {
      const auto rows = similarities(benchmark, labels, answers, embeddings, output);
      return described(benchmark, score_similarities(benchmark, labels, samples, answers, rows), labels, output);
    };
  }
  return job;
}

}  // namespace pal

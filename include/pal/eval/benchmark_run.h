// A benchmark on a manifest: what is asked of the model, and what its answers are worth.
#pragma once

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "pal/data/manifest.h"
#include "pal/eval/answer_file.h"
#include "pal/eval/benchmark.h"
#include "pal/eval/evaluation_options.h"
#include "pal/metrics/class_scores.h"
#include "pal/metrics/score.h"

namespace pal {

// The different labels of a manifest, sorted: a benchmark's classes.
std::vector<std::string> labels_of(std::span<const Sample> samples);

// Throws UserError where a sample has no labels that are among `labels`, or for captions where it has no captions of its own; it names the first.
void check_benchmark(const Benchmark& benchmark, std::span<const Sample> samples, std::span<const std::string> labels);

// Puts LTU's question in place of what the samples ask. system: a system message before it; empty: none.
void ask_as_ltu(const Benchmark& benchmark, const std::string& system, std::vector<Sample>& samples);

// How the model is asked. given: batch size, decoding and normalization. protocol: ltu (text is generated) or likelihood (of every label, written
// as prompt.answer says). Throws UserError for another protocol, and for the likelihood of a benchmark of captions.
EvaluationOptions benchmark_options(const Benchmark& benchmark, const std::string& protocol, std::span<const std::string> labels,
                                    const PromptOptions& prompt, EvaluationOptions given);

// What the answers are worth.
struct BenchmarkResult {
  Score score;                       // by the benchmark's metric
  nlohmann::json predictions;        // [{id, prediction, references, ...}], in the samples' order
  std::vector<ClassScores> classes;  // a score for each label, in the labels' order; empty for captions
  std::vector<Score> others;         // of captions: METEOR and SPICE, or why they are not available
};

// ltu: similarities [samples, labels] float64, of answer_query(answer_text(...)) to label_query(...), are the labels' scores. Predictions have also
// text: the part of the answer that counts; label and similarity: of the nearest label.
BenchmarkResult score_similarities(const Benchmark& benchmark, std::span<const std::string> labels, std::span<const Sample> samples,
                                   std::span<const Answer> answers, const torch::Tensor& similarities);

// likelihood: the answers' likelihoods are the labels' scores. Predictions have also label: the likeliest.
BenchmarkResult score_likelihoods(const Benchmark& benchmark, std::span<const std::string> labels, std::span<const Sample> samples,
                                  std::span<const Answer> answers);

// Captions: answers and references without punctuation, in lower case, by the benchmark's metric, and by the user's jars where they are given.
// Predictions have also text: what is scored.
BenchmarkResult score_captions(const Benchmark& benchmark, std::span<const Sample> samples, std::span<const Answer> answers, const JavaScorers& java = {});

}  // namespace pal

// pal-eval --checkpoint: scores a checkpoint on a manifest, as its config or a benchmark says.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "pal/metrics/score_options.h"

namespace pal {

// A published benchmark, where one is asked for.
struct BenchmarkArguments {
  std::string name, protocol;
  bool ltu_sampling = false;
  std::filesystem::path embedder, label_embeddings, answer_embeddings;  // embedder: empty: the packaged one
  std::string embedder_name;
  JavaScorers java;
};

struct CheckpointArguments {
  std::filesystem::path config, checkpoint, output, manifest;
  std::vector<std::string> sets;
  std::string split = "test", device = "auto";
  bool withhold_audio = false, json = false;
  long rank = -1, ranks = 0;  // neither is given: RANK and WORLD_SIZE of the environment
  BenchmarkArguments benchmark;
};

void add_checkpoint_options(CLI::App& app, CheckpointArguments& arguments);

// Answers, scores, writes results.json and prints the score. Returns the exit code; throws UserError.
int evaluate_checkpoint(const CheckpointArguments& arguments);

}  // namespace pal

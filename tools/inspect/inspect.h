// The subcommands of pal-inspect. Each function adds one; when it is chosen, `run` becomes what it does.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

void add_features_command(CLI::App& app, std::function<int()>& run);  // what a front-end makes of a recording
void add_encode_command(CLI::App& app, std::function<int()>& run);    // what an encoder makes of a recording
void add_tokens_command(CLI::App& app, std::function<int()>& run);    // a text as token ids, and back
void add_logits_command(CLI::App& app, std::function<int()>& run);    // a decoder's logits for one sample with audio
void add_model_command(CLI::App& app, std::function<int()>& run);     // what a config builds and costs
void add_checkpoint_command(CLI::App& app, std::function<int()>& run);  // what a checkpoint holds
void add_weights_command(CLI::App& app, std::function<int()>& run);     // what became of a model's tensors

}  // namespace pal

// pal-generate: asks a model about recordings.
#include <CLI/CLI.hpp>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/eval/generate.h"
#include "pal/train/session.h"
#include "tools/command_line.h"

int main(int argc, char** argv) {
  CLI::App app("Asks an audio LLM about recordings.");
  std::filesystem::path checkpoint;
  std::vector<std::filesystem::path> audio;
  std::vector<std::string> sets;
  std::string prompt, system, device = "auto";
  pal::GenerateOptions options;
  int threads = 0;
  app.add_option("--checkpoint", checkpoint, "folder of a checkpoint, for example runs/NAME/final")->required();
  app.add_option("--audio", audio, "a recording; several in the order of the <audio> places in the prompt")->allow_extra_args(false);
  app.add_option("--prompt", prompt, "what to ask; <audio> is the place of a recording (default: at the start)")->required();
  app.add_option("--system", system, "system message");
  app.add_option("--max-new-tokens", options.max_new_tokens, "longest answer");
  app.add_option("--temperature", options.temperature, "0: greedy");
  app.add_option("--top-k", options.top_k, "sample among the k likeliest; 0: all");
  app.add_option("--top-p", options.top_p, "sample among the fewest tokens that reach this probability");
  app.add_option("--repetition-penalty", options.repetition_penalty, "above 1: fewer repetitions");
  app.add_option("--seed", options.seed, "of sampling");
  app.add_option("--set", sets, "override an option of the checkpoint's config: a.b=c")->take_all()->allow_extra_args(false);
  app.add_option("--device", device, "auto, cpu or cuda");
  app.add_option("--threads", threads, "CPU threads (default: all cores)");
  app.footer("Example:\n  pal-generate --checkpoint runs/quickstart/pal/final --audio dog.wav --prompt \"What is this sound?\"");

  return pal::run_command(app, argc, argv, "pal-generate", [&]() -> int {
    pal::set_threads(threads);
    auto session = pal::open_session(pal::open_checkpoint(checkpoint), sets, pal::parse_device(device));
    pal::Sample sample;
    sample.id = "prompt";
    for (const auto& path : audio) sample.clips.push_back({path, {}});
    if (!system.empty()) sample.messages.push_back({"system", system});
    sample.messages.push_back({"user", prompt});
    sample.messages.push_back({"assistant", ""});  // what is asked for
    const auto batch = session.collator->collate({&sample}, pal::Purpose::kAnswering);
    const auto& tokenizer = session.collator->tokenizer();
    const auto answers = pal::generate(*session.model, batch, tokenizer.stop_tokens(), options);
    fmt::print("{}\n", tokenizer.decode(answers.at(0), /*skip_special=*/true));
    return pal::kDone;
  });
}

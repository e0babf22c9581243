// pal-generate: asks a model about recordings.
#include <CLI/CLI.hpp>
#include <optional>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/eval/generate.h"
#include "pal/train/session.h"
#include "tools/command_line.h"

namespace {

// What the command line says of decoding; the rest is the run's own eval.generate.
struct Decoding {
  std::optional<int64_t> max_new_tokens, top_k, seed;
  std::optional<double> temperature, top_p, repetition_penalty;

  pal::GenerateOptions over(pal::GenerateOptions o) const {
    o.max_new_tokens = max_new_tokens.value_or(o.max_new_tokens);
    o.top_k = top_k.value_or(o.top_k);
    o.seed = seed.value_or(o.seed);
    o.temperature = temperature.value_or(o.temperature);
    o.top_p = top_p.value_or(o.top_p);
    o.repetition_penalty = repetition_penalty.value_or(o.repetition_penalty);
    return o;
  }
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Asks an audio LLM about recordings.");
  std::filesystem::path checkpoint;
  std::vector<std::filesystem::path> audio;
  std::vector<std::string> sets;
  std::string prompt, system, device = "auto";
  Decoding decoding;
  int threads = 0;
  app.add_option("--checkpoint", checkpoint, "folder of a checkpoint, for example runs/NAME/final")->required();
  app.add_option("--audio", audio, "a recording; several in the order of the <audio> places in the prompt")->allow_extra_args(false);
  app.add_option("--prompt", prompt, "what to ask; <audio> is the place of a recording (default: at the start)")->required();
  app.add_option("--system", system, "system message (default: the run's own)");
  app.add_option("--max-new-tokens", decoding.max_new_tokens, "longest answer (this and what follows: default the run's own)");
  app.add_option("--temperature", decoding.temperature, "0: greedy");
  app.add_option("--top-k", decoding.top_k, "sample among the k likeliest; 0: all");
  app.add_option("--top-p", decoding.top_p, "sample among the fewest tokens that reach this probability");
  app.add_option("--repetition-penalty", decoding.repetition_penalty, "above 1: fewer repetitions");
  app.add_option("--seed", decoding.seed, "of sampling");
  app.add_option("--set", sets, "override an option of the checkpoint's config: a.b=c")->take_all()->allow_extra_args(false);
  app.add_option("--device", device, "auto, cpu or cuda");
  app.add_option("--threads", threads, "CPU threads (default: all cores)");
  app.footer("Example:\n  pal-generate --checkpoint runs/smoke/final --audio assets/clips/test/scratch/Animal/Owl.wav --prompt \"What is this sound?\"");

  return pal::run_command(app, argc, argv, "pal-generate", [&]() -> int {
    pal::set_threads(threads);
    auto session = pal::open_session(pal::open_checkpoint(checkpoint), sets, pal::parse_device(device));
    const auto sample = session.question(audio, prompt, system);
    const auto batch = session.collator->collate({&sample}, pal::Purpose::kAnswering);
    const auto& tokenizer = session.collator->tokenizer();
    const auto answers = pal::generate(*session.model, batch, tokenizer.stop_tokens(), decoding.over(session.config.eval.generate));
    fmt::print("{}\n", tokenizer.decode(answers.at(0), /*skip_special=*/true));
    return pal::kDone;
  });
}

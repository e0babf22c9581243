// pal-inspect: look inside, and check against other implementations. The subcommands are in tools/inspect/.
#include "tools/command_line.h"
#include "tools/inspect/inspect.h"

int main(int argc, char** argv) {
  CLI::App app("Look inside pal, and check it against other implementations");
  std::function<int()> run;
  pal::add_features_command(app, run);
  pal::add_encode_command(app, run);
  pal::add_tokens_command(app, run);
  pal::add_logits_command(app, run);
  pal::add_model_command(app, run);
  pal::add_checkpoint_command(app, run);
  pal::add_weights_command(app, run);
  app.require_subcommand(1);
  app.footer("Example: pal-inspect tokens --tokenizer assets/smollm2-135m-instruct.gguf --text 'A dog barks.'\n"
             "pal-inspect SUBCOMMAND --help says more.");
  return pal::run_command(app, argc, argv, "pal-inspect", [&] { return run(); });
}

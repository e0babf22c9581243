// pal-data: data sets as manifests. The subcommands are in tools/data/.
#include "tools/command_line.h"
#include "tools/data/data.h"

int main(int argc, char** argv) {
  CLI::App app("Brings data sets into manifests, and looks at what they hold");
  std::function<int()> run;
  pal::add_import_command(app, run);
  pal::add_check_command(app, run);
  pal::add_shard_command(app, run);
  pal::add_index_command(app, run);
  pal::add_cache_command(app, run);
  app.require_subcommand(1);
  app.footer("Example: pal-data check --manifest assets/clips/test.jsonl\npal-data SUBCOMMAND --help says more.");
  return pal::run_command(app, argc, argv, "pal-data", [&] { return run(); });
}

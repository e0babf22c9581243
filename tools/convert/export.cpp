#include "tools/convert/export.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "pal/core/tool.h"
#include "pal/train/export_checkpoint.h"

namespace pal {

namespace {

struct ExportArguments {
  std::filesystem::path from, out;
  std::string dtype = "float32";
};

CLI::App* add_command(CLI::App& app, std::function<int()>& run, const char* name, const char* what, const char* option, const char* from,
                      const std::shared_ptr<ExportArguments>& a, const std::function<void(const ExportArguments&)>& write) {
  auto* command = app.add_subcommand(name, what);
  command->add_option(option, a->from, from)->required();
  command->add_option("--out", a->out, "the folder to make")->required();
  command->callback([a, write, &run] {
    run = [a, write] {
      write(*a);
      fmt::print("{}\n", a->out.string());
      return kDone;
    };
  });
  return command;
}

}  // namespace

void add_export_commands(CLI::App& app, std::function<int()>& run) {
  add_command(app, run, "checkpoint", "A checkpoint as a Hugging Face folder, adapters merged, with what hears beside it in pal/", "--checkpoint",
              "folder of a checkpoint", std::make_shared<ExportArguments>(),
              [](const ExportArguments& a) { export_checkpoint(a.from, a.out); })
      ->footer("Example: pal-convert checkpoint --checkpoint runs/smoke/final --out exported\n"
               "Then pal-generate --checkpoint exported/pal asks it, and transformers loads exported.");
  const auto llm = std::make_shared<ExportArguments>();
  auto* command = add_command(app, run, "llm", "An LLM alone as a Hugging Face folder", "--llm", "Hugging Face folder or *.gguf", llm,
                              [](const ExportArguments& a) { export_llm(a.from, a.dtype, a.out); });
  command->add_option("--dtype", llm->dtype, "of the weights: float32, bfloat16, float16 or float64")->capture_default_str();
  command->footer("Example: pal-convert llm --llm assets/smollm2-135m-instruct.gguf --dtype bfloat16 --out smollm2");
  add_command(app, run, "adapter", "The LoRA adapters of a checkpoint's LLM as a folder of Hugging Face's peft", "--checkpoint", "folder of a checkpoint",
              std::make_shared<ExportArguments>(), [](const ExportArguments& a) { export_adapter(a.from, a.out); })
      ->footer("Example: pal-convert adapter --checkpoint runs/lora/final --out adapter");
}

}  // namespace pal

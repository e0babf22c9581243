#include "tools/eval/embed_command.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "pal/core/tensor_source.h"
#include "pal/core/tool.h"
#include "pal/embedder/text_embedder.h"
#include "pal/eval/text_labels.h"
#include "pal/train/session.h"
#include "tools/command_line.h"

namespace pal {

namespace {

struct EmbedArguments {
  std::filesystem::path texts, out, embedder = "assets/all-minilm-l6-v2";
  std::string device = "auto";
  int threads = 0;
};

int run_embed(const EmbedArguments& a) {
  set_threads(a.threads);
  const auto texts = read_text_lines(a.texts);
  TextEmbedder embedder(a.embedder, parse_device(a.device));
  const auto embeddings = embedder.embed(texts);
  const auto& identity = embedder.identity();
  save_safetensors(a.out, {{"embeddings", embeddings}},
                   {{"format", "pt"}, {"embedder", identity.name}, {"embedder_sha256", identity.weights_sha256},
                    {"texts", nlohmann::json(texts).dump()}});  // so that nobody takes them for the rows of other texts
  fmt::print("{}: {} embeddings of {} by {}\n", a.out.string(), embeddings.size(0), embeddings.size(1), identity.name);
  return kDone;
}

}  // namespace

void add_embed_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<EmbedArguments>();
  auto* command = app.add_subcommand("embed", "Texts as sentence embeddings, which are compared by cosine");
  command->add_option("--texts", a->texts, "a text a line, UTF-8")->required();
  command->add_option("--out", a->out, "the safetensors file to write: embeddings [texts, width]")->required();
  command->add_option("--embedder", a->embedder, "folder of a BERT of sentence-transformers")->capture_default_str();
  command->add_option("--device", a->device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--threads", a->threads, "CPU threads (default: all cores)");
  command->footer("Example: pal-eval embed --texts examples/texts.txt --out embeddings.safetensors");
  command->callback([a, &run] { run = [a] { return run_embed(*a); }; });
}

}  // namespace pal

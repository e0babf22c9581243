// pal-inspect logits: one sample through the decoder, to compare with other implementations.
#include <memory>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/decoder/load_decoder.h"
#include "pal/decoder/peft_adapter.h"
#include "pal/integration/logits_case.h"
#include "pal/integration/pal_model.h"
#include "pal/train/session.h"
#include "tools/inspect/inspect.h"

namespace pal {

namespace {

struct LogitsArguments {
  std::filesystem::path llm, adapter, the_case, out;
  std::string dtype = "float32", device = "cpu", backend = "auto";
};

int run_logits(const LogitsArguments& a) {
  const auto device = parse_device(a.device);
  const auto dtype = parse_float_type(a.dtype);
  const auto backend = make_attention_backend(a.backend, dtype, device, read_decoder_options(a.llm).head_dim);
  const auto the_case = load_safetensors(a.the_case);
  auto llm = load_decoder(a.llm, dtype, device);
  if (!a.adapter.empty()) load_peft_adapter(llm, a.adapter);
  save_safetensors(a.out, run_logits_case(llm, the_case, backend, a.the_case.string()));
  return kDone;
}

}  // namespace

void add_logits_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<LogitsArguments>();
  auto* command = app.add_subcommand("logits", "A decoder's logits, loss and connector gradients for one sample with audio streams");
  command->add_option("--llm", a->llm, "Hugging Face folder or *.gguf")->required();
  command->add_option("--adapter", a->adapter, "a LoRA adapter of the LLM, a folder of Hugging Face's peft");
  command->add_option("--case", a->the_case, "safetensors: tokens, kinds, at, stream.<i>, layers.<i>, loss_from")->required();
  command->add_option("--out", a->out, "safetensors to write: row_ids, ids.stream.<i>, logits, loss, grad.stream.<i>")->required();
  command->add_option("--dtype", a->dtype, "float32, float64, bfloat16 or float16")->capture_default_str();
  command->add_option("--device", a->device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--backend", a->backend, "attention: auto, naive, sdpa or flash")->capture_default_str();
  command->footer(
      "Example: pal-inspect logits --llm tests/golden/decoder_llama/llm --case tests/golden/decoder_llama/case.safetensors "
      "--out out.safetensors --dtype float64");
  command->callback([a, &run] { run = [a] { return run_logits(*a); }; });
}

}  // namespace pal

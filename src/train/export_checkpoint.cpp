#include "pal/train/export_checkpoint.h"

#include <unistd.h>

#include <functional>

#include "pal/core/check.h"
#include "pal/decoder/peft_adapter.h"
#include "pal/decoder/save_decoder.h"
#include "pal/text/save_tokenizer.h"
#include "pal/train/session.h"
#include "progress.h"

namespace pal {

namespace fs = std::filesystem;

namespace {

// What `write` makes appears as `out` whole or not at all.
void write_folder(const fs::path& out, const std::function<void(const fs::path&)>& write) {
  PAL_CHECK(!fs::exists(out), "{}: exists already; choose another --out", out.string());
  const fs::path temporary = fmt::format("{}.tmp-{}", out.string(), ::getpid());
  try {
    fs::create_directories(temporary);
    write(temporary);
    fs::rename(temporary, out);
  } catch (const fs::filesystem_error& problem) {
    fs::remove_all(temporary);
    user_error("{}: cannot be written: {}", out.string(), problem.code().message());
  } catch (...) {
    fs::remove_all(temporary);
    throw;
  }
}

// The tensors beside the LLM that a checkpoint must hold, with adapters merged.
TensorMap hearing_parts(Session& session, const std::set<std::string>& trained) {
  TensorMap tensors;
  for (const auto& [name, value] : session.parameters()) {
    const bool is_adapter = name.ends_with(".lora_A") || name.ends_with(".lora_B");
    if (!name.starts_with("llm.") && !is_adapter && (is_drawn(name) || trained.contains(name))) tensors[name] = value.detach();
  }
  for (const auto& item : session.model->named_modules("", /*include_self=*/false)) {
    auto* linear = item.value()->as<LinearImpl>();
    if (linear != nullptr && linear->lora && !item.key().starts_with("llm.")) tensors[item.key() + ".weight"] = linear->merged_weight();
  }
  return tensors;
}

}  // namespace

void export_checkpoint(const fs::path& folder, const fs::path& out) {
  torch::NoGradGuard no_grad;
  const auto checkpoint = open_checkpoint(folder);
  auto state = run_state_from(checkpoint.load_state());
  auto session = open_session(checkpoint, {}, torch::kCPU);
  write_folder(out, [&](const fs::path& place) {
    save_decoder(session.model->llm(), place);
    save_tokenizer(session.config.model.llm.path, place);
    CheckpointContent content;
    content.model = hearing_parts(session, state.progress.trained);
    state.progress.trained.clear();
    for (const auto& [name, tensor] : content.model) state.progress.trained.insert(name);
    session.config.model.llm = {out, {}};
    session.config.model.lora.clear();
    state.config = run_config_yaml(session.config);
    content.state = to_json(state);
    write_checkpoint(place / "pal", checkpoint.step, content);
  });
}

void export_llm(const fs::path& llm, const std::string& dtype, const fs::path& out) {
  write_folder(out, [&](const fs::path& place) {
    save_decoder(load_decoder(llm, parse_float_type(dtype)), place);
    save_tokenizer(llm, place);
  });
}

void export_adapter(const fs::path& folder, const fs::path& out) {
  const auto session = open_session(open_checkpoint(folder), {}, torch::kCPU);
  write_folder(out, [&](const fs::path& place) { save_peft_adapter(session.model->llm(), place, session.config.model.llm.path.string()); });
}

}  // namespace pal

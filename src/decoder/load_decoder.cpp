#include "pal/decoder/load_decoder.h"

#include <functional>
#include <set>

#include "gguf_names.h"
#include "pal/core/check.h"
#include "pal/core/gguf.h"
#include "pal/core/random.h"
#include "pal/core/tensor_source.h"

namespace pal {

namespace {

// Where a parameter of the decoder is found in the file, and how its rows are put in Hugging Face's order.
struct Origin {
  std::string name;
  int64_t permuted_heads = 0;  // 0: as it is
};

using Naming = std::function<Origin(const std::string& parameter)>;

Origin hugging_face_name(const std::string& parameter) {
  return {parameter.starts_with("lm_head.") ? parameter : "model." + parameter};
}

// What a file may hold beside the parameters: tables that are computed, and a tied head saved twice.
bool is_harmless(const std::string& name, bool tied) {
  return name.ends_with("rotary_emb.inv_freq") || name == "rope_freqs.weight" || (tied && name == "lm_head.weight");
}

std::string shape_text(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

void load_parameters(DecoderImpl& decoder, const TensorSource& source, const Naming& naming) {
  torch::NoGradGuard no_grad;
  std::vector<std::string> missing, misshapen, unexpected;
  std::set<std::string> used;
  for (const auto& item : decoder.named_parameters()) {
    const Origin origin = naming(item.key());
    used.insert(origin.name);
    if (!source.has(origin.name)) {
      missing.push_back(origin.name);
      continue;
    }
    const auto shape = source.info(origin.name).shape;
    if (at::IntArrayRef(shape) != item.value().sizes())
      misshapen.push_back(fmt::format("{} {} (expected {})", origin.name, shape_text(shape), shape_text(item.value().sizes())));
  }
  for (const auto& name : source.names())
    if (!used.contains(name) && !is_harmless(name, decoder.options.tied_head)) unexpected.push_back(name);
  PAL_CHECK(missing.empty() && misshapen.empty() && unexpected.empty(),
            "{}: the tensors do not fit the decoder that its config describes\n  missing: {}\n  of another shape: {}\n"
            "  unexpected: {}",
            source.describe(), fmt::join(missing, ", "), fmt::join(misshapen, ", "), fmt::join(unexpected, ", "));

  for (auto& item : decoder.named_parameters()) {
    const Origin origin = naming(item.key());
    auto tensor = source.load(origin.name);
    if (origin.permuted_heads > 0) tensor = unpermute_rope_rows(tensor, origin.permuted_heads);
    item.value().copy_(tensor);
  }
}

}  // namespace

DecoderOptions read_decoder_options(const std::filesystem::path& path) {
  if (path.extension() == ".gguf") return decoder_options_from_gguf(path);
  PAL_CHECK(std::filesystem::is_directory(path),
            "{}: expected a Hugging Face folder (config.json and *.safetensors) or a .gguf file", path.string());
  return decoder_options_from_json(path / "config.json");
}

Decoder load_decoder(const std::filesystem::path& path, torch::ScalarType dtype, torch::Device device) {
  const auto options = read_decoder_options(path);
  const auto source = open_tensors(path);
  Decoder decoder(options, torch::TensorOptions(dtype).device(device));
  if (path.extension() != ".gguf") {
    load_parameters(*decoder, *source, hugging_face_name);
    return decoder;
  }
  const auto architecture = GgufFile(path).string("general.architecture");
  load_parameters(*decoder, *source, [&](const std::string& parameter) -> Origin {
    return {gguf_name(parameter), gguf_permuted_heads(architecture, parameter, options)};
  });
  return decoder;
}

Decoder random_decoder(const DecoderOptions& options, uint64_t seed, torch::ScalarType dtype, torch::Device device) {
  torch::NoGradGuard no_grad;
  Decoder decoder(options, torch::TensorOptions(dtype).device(device));
  for (auto& item : decoder->named_parameters()) {
    auto& parameter = item.value();
    if (item.key().find("norm.weight") != std::string::npos) continue;  // ones already
    auto generator = at::detail::createCPUGenerator(stream_seed(seed, item.key()));
    parameter.copy_(torch::empty(parameter.sizes(), torch::kFloat32).normal_(0.0, 0.02, generator));
  }
  return decoder;
}

}  // namespace pal

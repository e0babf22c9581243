#include "pal/decoder/load_decoder.h"

#include <functional>

#include "gguf_names.h"
#include "pal/core/check.h"
#include "pal/core/gguf.h"
#include "pal/core/load_tensors.h"
#include "pal/core/random.h"
#include "pal/core/run_tasks.h"
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

// What a file may hold beside the parameters.
std::vector<OtherTensors> other_tensors(bool tied) {
  std::vector<OtherTensors> others = {{"*rotary_emb.inv_freq", "computed from the config"},
                                      {"rope_freqs.weight", "read with the config", LoadFate::kMatched}};
  if (tied) others.push_back({"lm_head.weight", "tied: the head is the embedding"});
  return others;
}

LoadPlan plan_of(const DecoderImpl& decoder, const Naming& naming) {
  LoadPlan plan{"the decoder that its config describes", {}, other_tensors(decoder.options.tied_head)};
  for (const auto& item : decoder.named_parameters()) {
    const Origin origin = naming(item.key());
    auto& wanted = plan.wanted.emplace_back(WantedTensor{origin.name, item.value()});
    if (const auto heads = origin.permuted_heads; heads > 0)
      wanted.rearrange = [heads](const torch::Tensor& stored) { return unpermute_rope_rows(stored, heads); };
  }
  return plan;
}

Naming naming_of(const std::filesystem::path& path, const DecoderOptions& options) {
  if (path.extension() != ".gguf") return hugging_face_name;
  return [architecture = GgufFile(path).string("general.architecture"), options](const std::string& parameter) -> Origin {
    return {gguf_name(parameter), gguf_permuted_heads(architecture, parameter, options)};
  };
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
  load_tensors(plan_of(*decoder, naming_of(path, options)), *source);
  return decoder;
}

LoadReport compare_decoder(const std::filesystem::path& path) {
  const auto options = read_decoder_options(path);
  const Decoder shapes(options, torch::TensorOptions(torch::kMeta));
  return compare_tensors(plan_of(*shapes, naming_of(path, options)), *open_tensors(path));
}

Decoder random_decoder(const DecoderOptions& options, uint64_t seed, torch::ScalarType dtype, torch::Device device) {
  torch::NoGradGuard no_grad;
  Decoder decoder(options, torch::TensorOptions(dtype).device(device));
  const auto parameters = decoder->named_parameters().items();
  // Each has a generator of its own, so that threads change nothing; one draws a hundred million numbers a second.
  run_tasks(int64_t(parameters.size()), at::get_num_threads(), [&](int64_t i) {
    const torch::NoGradGuard no_grad_here;
    const auto& name = parameters[std::size_t(i)].key();
    auto parameter = parameters[std::size_t(i)].value();
    if (name.find("norm.weight") != std::string::npos) return;  // ones already
    auto generator = at::detail::createCPUGenerator(stream_seed(seed, name));
    parameter.copy_(torch::empty(parameter.sizes(), torch::kFloat32).normal_(0.0, 0.02, generator));
  });
  return decoder;
}

}  // namespace pal

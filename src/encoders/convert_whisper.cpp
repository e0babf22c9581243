#include <torch/torch.h>

#include <fmt/ranges.h>

#include <set>

#include "pal/core/check.h"
#include "pal/encoders/convert.h"
#include "pal/encoders/ctranslate2.h"

namespace pal {

namespace {

constexpr const char* kEncoder = "encoder/";

// The variables of a file; remembers which were taken, so that what is left over can be reported.
class Variables {
 public:
  Variables(std::string name, TensorMap tensors) : name_(std::move(name)), tensors_(std::move(tensors)) {}

  bool has(const std::string& name) const { return tensors_.contains(kEncoder + name); }

  torch::Tensor take(const std::string& name, const std::vector<std::int64_t>& shape) {
    const auto found = tensors_.find(kEncoder + name);
    PAL_CHECK(found != tensors_.end(), "{}: {}{}: is missing", name_, kEncoder, name);
    const auto& tensor = found->second;
    PAL_CHECK(tensor.sizes() == c10::IntArrayRef(shape), "{}: {}{}: has shape [{}], expected [{}]", name_,
              kEncoder, name, fmt::join(tensor.sizes(), ", "), fmt::join(shape, ", "));
    taken_.insert(found->first);
    return tensor;
  }

  torch::Tensor take_float(const std::string& name, const std::vector<std::int64_t>& shape) {
    auto tensor = take(name, shape);
    PAL_CHECK(tensor.is_floating_point(), "{}: {}{}: is quantised; convert a float16 or float32 model", name_,
              kEncoder, name);
    return tensor;
  }

  std::int64_t dimension(const std::string& name, std::int64_t index) const {
    const auto found = tensors_.find(kEncoder + name);
    PAL_CHECK(found != tensors_.end() && found->second.dim() > index,
              "{}: {}{}: is missing, or has too few dimensions", name_, kEncoder, name);
    return found->second.size(index);
  }

  void check_all_taken() const {
    for (const auto& [name, tensor] : tensors_) {
      PAL_CHECK(!name.starts_with(kEncoder) || taken_.contains(name),
                "{}: {}: is unexpected in a Whisper encoder", name_, name);
    }
  }

  const std::string& name() const { return name_; }

 private:
  std::string name_;
  TensorMap tensors_;
  std::set<std::string> taken_;
};

void put_norm(TensorMap& out, const std::string& to, Variables& in, const std::string& from,
              std::int64_t width) {
  out[to + ".weight"] = in.take_float(from + "/gamma", {width});
  out[to + ".bias"] = in.take_float(from + "/beta", {width});
}

void put_linear(TensorMap& out, const std::string& to, Variables& in, const std::string& from,
                std::int64_t rows, std::int64_t columns) {
  out[to + ".weight"] = in.take_float(from + "/weight", {rows, columns});
  out[to + ".bias"] = in.take_float(from + "/bias", {rows});
}

void put_attention(TensorMap& out, const std::string& to, Variables& in, const std::string& from,
                   std::int64_t width) {
  const auto weight = in.take_float(from + "/linear_0/weight", {3 * width, width}).chunk(3);
  const auto bias = in.take_float(from + "/linear_0/bias", {3 * width}).chunk(3);
  PAL_CHECK(!bias[1].any().item<bool>(),
            "{}: {}{}/linear_0/bias: its middle third, the keys' bias, should be zero", in.name(), kEncoder,
            from);
  out[to + "q_proj.weight"] = weight[0];
  out[to + "q_proj.bias"] = bias[0];
  out[to + "k_proj.weight"] = weight[1];
  out[to + "v_proj.weight"] = weight[2];
  out[to + "v_proj.bias"] = bias[2];
  put_linear(out, to + "out_proj", in, from + "/linear_1", width, width);
}

}  // namespace

TensorMap whisper_from_ctranslate2(const std::filesystem::path& path) {
  CTranslate2Model model = read_ctranslate2(path);
  PAL_CHECK(model.spec == "WhisperSpec", "{}: a Whisper model (WhisperSpec) was expected, got '{}'",
            path.string(), model.spec);
  Variables in(path.string(), std::move(model.variables));
  const std::int64_t width = in.dimension("conv1/weight", 0), mels = in.dimension("conv1/weight", 1);
  const auto heads = in.take("num_heads", {}).item<std::int64_t>();
  PAL_CHECK(heads * 64 == width, "{}: {} heads of 64 were expected for a width of {}, got {}", in.name(),
            width / 64, width, heads);

  const std::string root = "model.encoder.";
  TensorMap out;
  for (const auto& [name, columns] : {std::pair{"conv1", mels}, std::pair{"conv2", width}}) {
    out[root + name + ".weight"] = in.take_float(std::string(name) + "/weight", {width, columns, 3});
    out[root + name + ".bias"] = in.take_float(std::string(name) + "/bias", {width});
  }
  out[root + "embed_positions.weight"] = in.take_float("position_encodings/encodings", {1500, width});
  for (std::int64_t i = 0; in.has(fmt::format("layer_{}/ffn/linear_0/weight", i)); ++i) {
    const std::string from = fmt::format("layer_{}/", i), to = fmt::format("{}layers.{}.", root, i);
    const std::int64_t ffn = in.dimension(from + "ffn/linear_0/weight", 0);
    put_norm(out, to + "self_attn_layer_norm", in, from + "self_attention/layer_norm", width);
    put_attention(out, to + "self_attn.", in, from + "self_attention", width);
    put_norm(out, to + "final_layer_norm", in, from + "ffn/layer_norm", width);
    put_linear(out, to + "fc1", in, from + "ffn/linear_0", ffn, width);
    put_linear(out, to + "fc2", in, from + "ffn/linear_1", width, ffn);
  }
  put_norm(out, root + "layer_norm", in, "layer_norm", width);
  in.check_all_taken();
  return out;
}

}  // namespace pal

#include <torch/torch.h>

#include <fmt/ranges.h>

#include "pal/core/check.h"
#include "pal/encoders/convert.h"
#include "pal/encoders/tensorflow_checkpoint.h"

namespace pal {

namespace {

constexpr const char* kValue = "/.ATTRIBUTES/VARIABLE_VALUE";
constexpr std::int64_t kSeparableBlocks = 13;
constexpr std::int64_t kClasses = 521;

class YamnetCheckpoint {
 public:
  explicit YamnetCheckpoint(const std::string& prefix)
      : name_(prefix), tensors_(read_tensorflow_checkpoint(prefix)) {
    // Other layers may stand before the numbered ones, as in
    // layer-1/layer/_func/_yamnet/layer_with_weights-0/kernel.
    const std::string first = std::string("layer_with_weights-0/kernel") + kValue;
    for (const auto& [name, tensor] : tensors_) {
      if (name.ends_with(first) && tensor.sizes() == c10::IntArrayRef({3, 3, 1, 32})) {
        root_ = name.substr(0, name.size() - first.size());
        return;
      }
    }
    user_error("{}: YAMNet was expected, but there is no tensor ...{} of shape [3, 3, 1, 32]", name_, first);
  }

  // -1 in `shape` stands for any size.
  torch::Tensor get(std::int64_t layer, const std::string& part,
                    const std::vector<std::int64_t>& shape) const {
    const std::string name = fmt::format("{}layer_with_weights-{}/{}{}", root_, layer, part, kValue);
    const auto found = tensors_.find(name);
    PAL_CHECK(found != tensors_.end(), "{}: {}: is missing", name_, name);
    bool fits = std::size_t(found->second.dim()) == shape.size();
    for (std::size_t i = 0; fits && i < shape.size(); ++i)
      fits = shape[i] == -1 || shape[i] == found->second.size(std::int64_t(i));
    PAL_CHECK(fits, "{}: {}: has shape [{}], expected [{}]", name_, name,
              fmt::join(found->second.sizes(), ", "), fmt::join(shape, ", "));
    return found->second;
  }

 private:
  std::string name_, root_;
  TensorMap tensors_;
};

void put_norm(TensorMap& out, const std::string& name, const YamnetCheckpoint& checkpoint, std::int64_t layer,
              std::int64_t width) {
  out[name + ".bias"] = checkpoint.get(layer, "beta", {width});
  out[name + ".mean"] = checkpoint.get(layer, "moving_mean", {width});
  out[name + ".variance"] = checkpoint.get(layer, "moving_variance", {width});
}

}  // namespace

TensorMap yamnet_from_tensorflow(const std::string& prefix) {
  const YamnetCheckpoint checkpoint(prefix);
  TensorMap out;
  // TensorFlow: [height, width, in, out]; depthwise: [height, width, channels, 1].
  out["stem.weight"] = checkpoint.get(0, "kernel", {3, 3, 1, 32}).permute({3, 2, 0, 1});
  put_norm(out, "stem", checkpoint, 1, 32);
  std::int64_t layer = 2, channels = 32;
  for (std::int64_t i = 0; i < kSeparableBlocks; ++i, layer += 4) {
    const std::string block = fmt::format("blocks.{}.", i);
    out[block + "depthwise.weight"] =
        checkpoint.get(layer, "depthwise_kernel", {3, 3, channels, 1}).permute({2, 3, 0, 1});
    put_norm(out, block + "depthwise", checkpoint, layer + 1, channels);
    const auto pointwise = checkpoint.get(layer + 2, "kernel", {1, 1, channels, -1});
    channels = pointwise.size(3);
    out[block + "pointwise.weight"] = pointwise.permute({3, 2, 0, 1});
    put_norm(out, block + "pointwise", checkpoint, layer + 3, channels);
  }
  out["classifier.weight"] = checkpoint.get(layer, "kernel", {channels, kClasses}).t();
  out["classifier.bias"] = checkpoint.get(layer, "bias", {kClasses});
  return out;
}

}  // namespace pal

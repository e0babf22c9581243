#include "watched.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <spdlog/spdlog.h>

#include "attention_mass.h"
#include "pal/core/printable.h"

namespace pal {

std::optional<int64_t> peak_device_bytes(const PalModel& model) {
  const auto device = model.device();
  if (device.is_cpu()) return std::nullopt;
  auto& allocator = *c10::getDeviceAllocator(device.type());
  const auto index = device.has_index() ? device.index() : c10::DeviceIndex(0);
  const auto peak = allocator.getDeviceStats(index).allocated_bytes[0].peak;  // [0]: all pools
  allocator.resetPeakStats(index);
  return peak;
}

std::optional<double> utilisation(const TrainOptions& options, int64_t processes, double flops_per_second) {
  if (options.peak_tflops == 0) return std::nullopt;
  return flops_per_second / (1e12 * options.peak_tflops * double(processes));
}

nlohmann::json audio_attention(PalModel& model, const std::vector<PalBatch>& batches) {
  auto all = nlohmann::json::object();
  if (batches.empty()) return all;
  try {
    for (const auto& [stream, layers] : attention_mass(model, batches[0]))
      for (const auto& [layer, part] : layers) all[stream][std::to_string(layer)] = part;
  } catch (const std::exception& problem) {  // memory above all; what is only looked at ends no run
    const std::string_view text = problem.what();
    spdlog::warn("audio_attention is not known: {}", printable(text.substr(0, text.find('\n'))));  // LibTorch adds a stack trace
  }
  return all;
}

}  // namespace pal

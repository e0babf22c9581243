#include "pal/encoders/encoder_identity.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/strict_json.h"

namespace pal {

namespace fs = std::filesystem;

namespace {

constexpr int kDeepest = 16;  // of an index of shards

// Each file by its role, since a single file may be renamed.
std::map<std::string, fs::path> weight_files(const fs::path& path) {
  if (!fs::is_directory(path) && !path.string().ends_with(".index.json")) return {{"model", path}};
  const auto single = path / "model.safetensors";
  if (fs::is_directory(path) && fs::exists(single)) return {{"model", single}};
  const auto index = fs::is_directory(path) ? path / "model.safetensors.index.json" : path;
  std::map<std::string, fs::path> files{{"index", index}};
  const auto json = parse_strict_json(read_file(index), index.string(), kDeepest);
  PAL_CHECK(json.is_object() && json.contains("weight_map") && json["weight_map"].is_object(), "{}: has no weight_map", index.string());
  for (const auto& [tensor, shard] : json["weight_map"].items()) {
    PAL_CHECK(shard.is_string(), "{}: the place of '{}' must be a text", index.string(), tensor);
    files.emplace(shard.get<std::string>(), index.parent_path() / shard.get<std::string>());
  }
  return files;
}

// The sizes of these kinds stand in a file beside the weights.
fs::path sizes_file(const EncoderOptions& options) {
  if (options.type != "whisper" && options.type != "clap") return {};
  const auto file = (fs::is_directory(options.path) ? options.path : options.path.parent_path()) / "config.json";
  return fs::exists(file) ? file : fs::path();
}

}  // namespace

EncoderIdentity identity_of(const EncoderOptions& o) {
  EncoderIdentity identity{{"type", o.type},
                           {"options.long_audio", o.long_audio},
                           {"options.trim", fmt::format("{}", o.trim)},
                           {"options.cls", fmt::format("{}", o.cls)},
                           {"options.feature_mean", fmt::format("{}", o.feature_mean)},
                           {"options.feature_std", fmt::format("{}", o.feature_std)},
                           {"options.window", fmt::format("{}", o.window)},
                           {"options.heads", fmt::format("{}", o.heads)}};
  for (const auto& [role, file] : weight_files(o.path)) identity["weights." + role] = sha256_of_file(file);
  if (const auto file = sizes_file(o); !file.empty()) identity["weights.config.json"] = sha256_of_file(file);
  return identity;
}

std::vector<std::string> differences(const EncoderIdentity& then, const EncoderIdentity& now) {
  std::set<std::string> names;
  for (const auto& [name, value] : then) names.insert(name);
  for (const auto& [name, value] : now) names.insert(name);
  const auto text = [](const EncoderIdentity& of, const std::string& name) {
    const auto found = of.find(name);
    return found == of.end() ? std::string("(none)") : found->second;
  };
  std::vector<std::string> lines;
  for (const auto& name : names)
    if (text(then, name) != text(now, name)) lines.push_back(fmt::format("{}: {} -> {}", name, text(then, name), text(now, name)));
  return lines;
}

torch::Tensor probe_samples(int sample_rate) {
  constexpr double kPi = 3.14159265358979323846;
  auto samples = torch::empty({sample_rate}, torch::kFloat32);
  float* out = samples.data_ptr<float>();
  for (int i = 0; i < sample_rate; ++i) {
    const double t = double(i) / sample_rate;
    // A rising tone of all that 8 kHz of sound hold, and a steady one, swelling: every band and several levels.
    out[i] = float(t * (0.4 * std::sin(2 * kPi * (60 + 1900 * t) * t) + 0.2 * std::sin(2 * kPi * 440 * t)));
  }
  return samples;
}

}  // namespace pal

#include "pal/core/config_json.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "pal/core/files.h"
#include "pal/core/strict_json.h"

namespace pal {

namespace {
constexpr std::size_t kLongest = 8 << 20;
constexpr int kDeepest = 16;
}  // namespace

ConfigJson::ConfigJson(nlohmann::json json, std::string where) : json_(std::move(json)), where_(std::move(where)) {
  PAL_CHECK(json_.is_object(), "{}: expected a JSON object", where_);
}

ConfigJson ConfigJson::read(const std::filesystem::path& file) {
  const std::string where = file.string();
  return {parse_strict_json(read_file(file, kLongest), where, kDeepest), where};
}

std::optional<ConfigJson> ConfigJson::beside(const std::filesystem::path& weights, const char* name) {
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(weights, ignored);
  const auto file = (is_folder ? weights : weights.parent_path()) / name;
  if (!std::filesystem::exists(file, ignored)) return std::nullopt;
  return read(file);
}

std::optional<ConfigJson> ConfigJson::feature_extractor(const std::filesystem::path& weights) {
  if (auto config = beside(weights, "preprocessor_config.json")) return config;
  const auto processor = beside(weights, "processor_config.json");
  if (!processor || !processor->has("feature_extractor")) return std::nullopt;
  return processor->object("feature_extractor");
}

void ConfigJson::refuse_unless_any(const char* key, std::initializer_list<nlohmann::json> harmless) const {
  if (!has(key)) return;
  std::vector<std::string> texts;
  for (const auto& value : harmless) texts.push_back(value.dump());
  PAL_CHECK(std::find(harmless.begin(), harmless.end(), json_[key]) != harmless.end(),
            "{}: '{}': {:.200} is not supported; only {} is", where_, key, json_[key].dump(), fmt::join(texts, " or "));
}

}  // namespace pal

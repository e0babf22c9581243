// Hugging Face's files of options (config.json, preprocessor_config.json), read key by key: errors name file and key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "pal/core/check.h"

namespace pal {

// One JSON object of options. A key whose value is null counts as absent. Everything throws UserError.
class ConfigJson {
 public:
  // `where` is named in errors. Throws where `json` is no object.
  ConfigJson(nlohmann::json json, std::string where);

  // The file, which must be strict JSON of at most 8 MiB (old preprocessor_config.json hold whole filter banks).
  static ConfigJson read(const std::filesystem::path& file);

  // The file `name` in the folder `weights`, or beside it where `weights` is a file. Nothing where there is none.
  static std::optional<ConfigJson> beside(const std::filesystem::path& weights, const char* name);

  // The options of the feature extractor among or beside the weights: preprocessor_config.json, or what
  // processor_config.json says of it.
  static std::optional<ConfigJson> feature_extractor(const std::filesystem::path& weights);

  bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }  // and is not null
  const std::string& where() const { return where_; }  // for messages

  // The value: bool, an integer, double or std::string, or a std::vector or a std::map by name of one of these.
  template <typename T>
  T get(const char* key) const {
    PAL_CHECK(has(key), "{}: '{}' is missing", where_, key);
    return convert<T>(key);
  }
  // The same; `fallback` where the key is absent.
  template <typename T>
  T get(const char* key, T fallback) const {
    return has(key) ? convert<T>(key) : fallback;
  }

  ConfigJson object(const char* key) const { return {json_[key], where_ + ": " + key}; }  // the object at `key`

  // What pal does not compute must be absent or have the value that changes nothing.
  template <typename T>
  void refuse_unless(const char* key, T harmless) const {
    PAL_CHECK(!has(key) || convert<T>(key) == harmless, "{}: '{}': {} is not supported; only {} is", where_, key,
              json_[key].dump(), nlohmann::json(harmless).dump());
  }
  // The same where one value has several spellings, such as 4 and [4, 4].
  void refuse_unless_any(const char* key, std::initializer_list<nlohmann::json> harmless) const;

  // Where it is given, it must be what the weights' shapes say.
  template <typename T>
  void check_agrees(const char* key, const T& in_weights) const {
    PAL_CHECK(!has(key) || convert<T>(key) == in_weights, "{}: '{}' is {}, but the weights have {}", where_, key,
              json_[key].dump(), nlohmann::json(in_weights).dump());
  }

 private:
  template <typename T>
  static bool fits(const nlohmann::json& value) {
    if constexpr (std::is_same_v<T, bool>)
      return value.is_boolean();
    else if constexpr (std::is_integral_v<T>)
      return value.is_number_integer();
    else if constexpr (std::is_floating_point_v<T>)
      return value.is_number();
    else if constexpr (std::is_same_v<T, std::string>)
      return value.is_string();
    else if constexpr (requires { typename T::mapped_type; }) {
      if (!value.is_object()) return false;
      for (const auto& element : value) {
        if (!fits<typename T::mapped_type>(element)) return false;
      }
      return true;
    } else {
      if (!value.is_array()) return false;
      for (const auto& element : value) {
        if (!fits<typename T::value_type>(element)) return false;
      }
      return true;
    }
  }

  template <typename T>
  T convert(const char* key) const {
    const nlohmann::json& value = json_[key];
    PAL_CHECK(fits<T>(value), "{}: '{}' has the wrong type: {:.200}", where_, key, value.dump());
    return value.get<T>();
  }

  nlohmann::json json_;
  std::string where_;
};

}  // namespace pal

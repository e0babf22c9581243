#include "tokenizer_settings.h"

#include <algorithm>
#include <set>
#include <string>

#include "json_reader.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/strict_json.h"

namespace pal {

using nlohmann::json;

namespace {

// One template, or several by name, of which the one named "default" is meant.
std::string read_chat_template(const JsonReader& config) {
  if (!config.has("chat_template")) return "";
  const JsonReader node = config.at("chat_template");
  if (!node.value().is_array()) return node.text();
  std::string source;
  node.for_each([&](const JsonReader& named) {
    if (named.at("name").text() == "default") source = named.at("template").text();
  });
  PAL_CHECK(!source.empty(), "{}: none of the templates is named 'default'", node.where());
  return source;
}

// One id, or a list of them.
std::vector<std::int64_t> read_eos_ids(const JsonReader& node) {
  if (!node.value().is_array()) return {node.integer()};
  std::vector<std::int64_t> ids;
  node.for_each([&](const JsonReader& id) { ids.push_back(id.integer()); });
  return ids;
}

}  // namespace

std::optional<json> read_json_beside(const std::filesystem::path& folder, const char* name) {
  const auto path = folder / name;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  return parse_strict_json(read_file(path), path.string(), 64);
}

std::vector<std::int64_t> find_stop_tokens(std::vector<std::int64_t> eos,
                                           const std::vector<AddedToken>& added) {
  static const std::set<std::string> kEnds = {"<|im_end|>", "<|eot_id|>",    "<|eom_id|>",
                                              "<|end|>",    "<end_of_turn>", "<|end_of_text|>",
                                              "</s>",       "<|endoftext|>"};
  std::vector<std::int64_t> stop = std::move(eos);
  for (const AddedToken& token : added) {
    if (token.special && kEnds.contains(token.content)) stop.push_back(token.id);
  }
  std::vector<std::int64_t> distinct;
  for (std::int64_t id : stop) {
    if (std::find(distinct.begin(), distinct.end(), id) == distinct.end()) distinct.push_back(id);
  }
  return distinct;
}

TokenizerSettings read_settings(const std::filesystem::path& folder, std::optional<std::int64_t> bos,
                                std::optional<std::int64_t> eos, const std::vector<AddedToken>& added) {
  TokenizerSettings settings;
  settings.bos = bos;
  settings.eos = eos;
  std::vector<std::int64_t> ends;
  if (eos) ends.push_back(*eos);
  if (const auto config = read_json_beside(folder, "tokenizer_config.json")) {
    settings.chat_template = read_chat_template({*config, (folder / "tokenizer_config.json").string()});
  }
  std::error_code error;
  if (const auto path = folder / "chat_template.jinja"; std::filesystem::exists(path, error)) {
    settings.chat_template = read_file(path);
  }
  if (const auto generation = read_json_beside(folder, "generation_config.json")) {
    const JsonReader config(*generation, (folder / "generation_config.json").string());
    const auto more = config.has("eos_token_id") ? read_eos_ids(config.at("eos_token_id")) : std::vector<std::int64_t>();
    ends.insert(ends.end(), more.begin(), more.end());
    if (!settings.eos && !ends.empty()) settings.eos = ends.front();
  }
  settings.stop = find_stop_tokens(std::move(ends), added);
  return settings;
}

}  // namespace pal

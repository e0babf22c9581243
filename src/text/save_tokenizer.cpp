#include "pal/text/save_tokenizer.h"

#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/gguf.h"
#include "pal/text/tokenizer.h"
#include "pre_tokenizer.h"

namespace pal {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kFiles[] = {"tokenizer.json",        "tokenizer_config.json", "tokenizer.model",     "special_tokens_map.json",
                                  "added_tokens.json",     "chat_template.jinja",   "generation_config.json", "vocab.json", "merges.txt"};

void copy_files(const fs::path& from, const fs::path& folder) {
  for (const char* name : kFiles)
    if (fs::exists(from / name)) fs::copy_file(from / name, folder / name, fs::copy_options::overwrite_existing);
}

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json split(const std::string& regex) {
  return {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
}

// What the name in tokenizer.ggml.pre stands for.
Json pre_tokenizer(const std::string& pre, const std::string& where) {
  const auto sequence = [](Json first, Json second) {
    return Json{{"type", "Sequence"}, {"pretokenizers", Json::array({std::move(first), std::move(second)})}};
  };
  if (pre == "gpt-2") return byte_level(true);
  if (pre == "smollm") return sequence({{"type", "Digits"}, {"individual_digits", true}}, byte_level(true));
  if (pre == "llama-bpe" || pre == "llama3") return sequence(split(kLlama3Regex), byte_level(false));
  if (pre == "qwen2") return sequence(split(kQwen2Regex), byte_level(false));
  user_error("{}: tokenizer.ggml.pre '{}' cannot be written as a tokenizer.json; known are gpt-2, smollm, llama-bpe and qwen2", where, pre);
}

Json added_token(int64_t id, const std::string& content, bool special) {
  return {{"id", id},         {"content", content}, {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

// BOS before a text, where the model adds one.
Json post_processor(const Tokenizer& tokenizer, const std::vector<std::string>& tokens) {
  if (tokenizer.encode("", /*special=*/true).empty()) return nullptr;
  PAL_CHECK(tokenizer.encode("", true) == std::vector<int64_t>{tokenizer.bos().value_or(-1)},
            "a tokenizer that adds more than BOS around a text cannot be written as a tokenizer.json");
  const auto& bos = tokens[std::size_t(*tokenizer.bos())];
  const Json special = {{"SpecialToken", {{"id", bos}, {"type_id", 0}}}}, text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
             second = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  return {{"type", "TemplateProcessing"},
          {"single", Json::array({special, text})},
          {"pair", Json::array({special, text, special, second})},
          {"special_tokens", {{bos, {{"id", bos}, {"ids", {*tokenizer.bos()}}, {"tokens", {bos}}}}}}};
}

Json tokenizer_json(const GgufFile& file, const Tokenizer& tokenizer) {
  const auto& tokens = file.strings("tokenizer.ggml.tokens");
  const auto types = file.ints("tokenizer.ggml.token_type");  // 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused
  const auto pre = file.string("tokenizer.ggml.pre");
  Json vocabulary = Json::object(), merges = Json::array(), added = Json::array();
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (types[id] == 5) continue;
    vocabulary[tokens[id]] = id;
    if (types[id] != 1) added.push_back(added_token(int64_t(id), tokens[id], types[id] != 4));
  }
  for (const auto& merge : file.strings("tokenizer.ggml.merges")) {
    const auto space = merge.find(' ');
    merges.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", pre == "qwen2" ? Json{{"type", "NFC"}} : Json(nullptr)},
          {"pre_tokenizer", pre_tokenizer(pre, file.name())},
          {"post_processor", post_processor(tokenizer, tokens)},
          {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", pre == "llama-bpe" || pre == "llama3"},
            {"vocab", vocabulary},
            {"merges", merges}}}};
}

void write_from_gguf(const fs::path& from, const fs::path& folder) {
  const GgufFile file(from);
  const auto model = file.string("tokenizer.ggml.model");
  PAL_CHECK(model == "gpt2", "{}: its tokenizer is '{}'; only byte-level BPE ('gpt2') can be written as a tokenizer.json. Put the original "
            "tokenizer.model beside the weights instead", file.name(), model);
  const auto tokenizer = load_tokenizer(from);
  const auto& tokens = file.strings("tokenizer.ggml.tokens");
  write_file_atomically(folder / "tokenizer.json", tokenizer_json(file, *tokenizer).dump() + "\n");

  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
  Json generation = Json::object();
  if (tokenizer->bos()) config["bos_token"] = tokens[std::size_t(*tokenizer->bos())], generation["bos_token_id"] = *tokenizer->bos();
  if (tokenizer->eos()) config["eos_token"] = tokens[std::size_t(*tokenizer->eos())], generation["eos_token_id"] = tokenizer->stop_tokens();
  if (!tokenizer->chat_template().empty()) config["chat_template"] = tokenizer->chat_template();
  write_file_atomically(folder / "tokenizer_config.json", config.dump(2) + "\n");
  write_file_atomically(folder / "generation_config.json", generation.dump(2) + "\n");
}

}  // namespace

void save_tokenizer(const fs::path& from, const fs::path& folder) {
  fs::create_directories(folder);
  if (fs::is_directory(from)) return copy_files(from, folder);
  if (from.extension() != ".gguf") return copy_files(from.parent_path(), folder);
  write_from_gguf(from, folder);
}

}  // namespace pal

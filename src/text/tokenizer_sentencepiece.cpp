// A SentencePiece *.model and the files beside it, as LlamaTokenizer of transformers 4 reads them (tokenization_llama.py and
// tokenization_utils.py there).
#include <algorithm>
#include <array>
#include <map>

#include "json_reader.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "sentencepiece_tokenizer.h"
#include "tokenizer_formats.h"
#include "tokenizer_settings.h"

namespace pal {
namespace {

using nlohmann::json;

// The files as one place to ask.
class LlamaFiles {
 public:
  explicit LlamaFiles(const std::filesystem::path& folder)
      : folder_(folder),
        config_(read_json_beside(folder, "tokenizer_config.json").value_or(json::object())),
        special_(read_json_beside(folder, "special_tokens_map.json").value_or(json::object())),
        added_(read_json_beside(folder, "added_tokens.json").value_or(json::object())) {}

  JsonReader config() const { return {config_, (folder_ / "tokenizer_config.json").string()}; }
  JsonReader added() const { return {added_, (folder_ / "added_tokens.json").string()}; }

  // Where the token of a role is named; nothing where it is not. special_tokens_map.json counts only beside older configs.
  std::optional<JsonReader> role(const std::string& name) const {
    const JsonReader special(special_, (folder_ / "special_tokens_map.json").string());
    if (!config().has("added_tokens_decoder") && special.has(name)) return special.at(name);
    return config().has(name) ? std::optional(config().at(name)) : std::nullopt;
  }
  bool is_null(const std::string& name) const { return config_.contains(name) && config_[name].is_null(); }

 private:
  std::filesystem::path folder_;
  json config_, special_, added_;
};

// A text, or an object with the flags of an added token. Those that move the token's edges are refused: the two kinds of tokenizers
// of transformers read them differently.
AddedToken read_token(const JsonReader& node) {
  AddedToken token;
  token.special = true;
  if (node.value().is_string()) {
    token.content = node.text();
    return token;
  }
  token.content = node.at("content").text();
  for (const char* flag : {"single_word", "lstrip", "rstrip"}) {
    PAL_CHECK(!node.flag_or(flag, false), "{}.{}: not supported beside a SentencePiece model; token '{}'", node.where(), flag,
              token.content);
  }
  return token;
}

std::int64_t read_id(const std::string& text, const std::string& where) {
  const bool digits = !text.empty() && text.size() <= 7 && text.find_first_not_of("0123456789") == std::string::npos;
  PAL_CHECK(digits, "{}: expected a token id, got '{}'", where, text);
  return std::stoll(text);
}

class LlamaTokens {
 public:
  LlamaTokens(const LlamaFiles& files, const SentencePieceVocabulary& vocabulary) {
    for (const auto& piece : vocabulary.pieces) {
      ids_.emplace(piece.text, static_cast<std::int64_t>(vocabulary_.size()));
      vocabulary_.emplace_back(piece.text, static_cast<std::int64_t>(vocabulary_.size()));
    }
    read_listed(files);
    for (const char* role : kRoles) add_role(files, role);
    if (const auto node = files.role("additional_special_tokens")) {
      node->for_each([&](const JsonReader& token) { with_role_.insert(add(read_token(token))); });
    }
    check_added_tokens(added_, vocabulary_, vocabulary.where);
  }

  std::optional<std::int64_t> id_of_role(const std::string& role) const {
    const auto found = roles_.find(role);
    return found == roles_.end() ? std::nullopt : std::optional(found->second);
  }
  const std::vector<AddedToken>& added() const { return added_; }
  // The tokens that have a role (additional_special_tokens is one): `special` alone gives a token none.
  const std::unordered_set<std::int64_t>& with_role() const { return with_role_; }

 private:
  // In the order in which tokens that the vocabulary lacks get their ids.
  static constexpr std::array kRoles = {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

  void read_listed(const LlamaFiles& files) {
    if (files.config().has("added_tokens_decoder")) {
      files.config().at("added_tokens_decoder").for_each_member([&](const std::string& id, const JsonReader& node) {
        AddedToken token = read_token(node);
        token.special = node.flag_or("special", false);
        put(std::move(token), read_id(id, node.where()));
      });
      return;
    }
    files.added().for_each_member([&](const std::string& content, const JsonReader& node) {
      AddedToken token;
      token.content = content;
      const std::int64_t id = node.integer();
      PAL_CHECK(id >= 0 && id < 10'000'000, "{}: expected 0 to 9999999, got {}", node.where(), id);
      put(std::move(token), id);
    });
  }

  void add_role(const LlamaFiles& files, const std::string& role) {
    static const std::map<std::string, const char*> kDefaults = {
        {"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}};
    AddedToken token;
    if (const auto node = files.role(role)) {
      token = read_token(*node);
    } else if (kDefaults.contains(role) && !files.is_null(role)) {
      token.content = kDefaults.at(role);
      token.special = true;
    } else {
      return;
    }
    if (!token.content.empty()) with_role_.insert(roles_[role] = add(std::move(token)));
  }

  // The id of a special token, which it gets at the end of the vocabulary where it has none.
  std::int64_t add(AddedToken token) {
    const auto listed = std::find_if(added_.begin(), added_.end(), [&](const AddedToken& other) { return other.content == token.content; });
    if (listed != added_.end()) {
      listed->special = true;
      return listed->id;
    }
    const auto known = ids_.find(token.content);
    const std::int64_t id = known != ids_.end() ? known->second : static_cast<std::int64_t>(ids_.size());
    put(std::move(token), id);
    return id;
  }

  void put(AddedToken token, std::int64_t id) {
    token.id = id;
    ids_.emplace(token.content, id);
    added_.push_back(std::move(token));
  }

  VocabularyList vocabulary_;
  StringMap<std::int64_t> ids_;
  std::vector<AddedToken> added_;
  std::map<std::string, std::int64_t> roles_;
  std::unordered_set<std::int64_t> with_role_;
};

void refuse_what_is_not_exact(const JsonReader& config) {
  const std::string kind = config.text_or("tokenizer_class", "LlamaTokenizer");
  PAL_CHECK(kind == "LlamaTokenizer" || kind == "LlamaTokenizerFast",
            "{}.tokenizer_class: '{}' is not supported beside a SentencePiece model; supported: LlamaTokenizer", config.where(), kind);
  PAL_CHECK(!config.flag_or("split_special_tokens", false), "{}.split_special_tokens: not supported", config.where());
  PAL_CHECK(!config.has("sp_model_kwargs") || config.at("sp_model_kwargs").value().empty(), "{}.sp_model_kwargs: not supported",
            config.where());
}

// Whether spaces go before every part of a text (legacy) or before the first only; of the second, what is not exact is refused.
SpacePrefix read_space(const JsonReader& config, const SentencePieceVocabulary& vocabulary) {
  if (config.flag_or("legacy", true)) return SpacePrefix::kEveryPart;
  PAL_CHECK(config.flag_or("add_prefix_space", true), "{}: add_prefix_space: false with legacy: false is not supported", config.where());
  PAL_CHECK(!vocabulary.remove_extra_whitespaces, "{}: legacy: false is not supported for a model that removes white space",
            config.where());
  // The reference encodes "<unk>" before a part that begins with a space, and takes its pieces off again.
  for (const auto& piece : vocabulary.pieces) {
    PAL_CHECK(piece.text.find(">\u2581") == std::string::npos && piece.text.find("> ") == std::string::npos,
              "{}: legacy: false is not supported with the piece '{}'", config.where(), piece.text);
  }
  return SpacePrefix::kFirstPart;
}

}  // namespace

std::unique_ptr<Tokenizer> load_sentencepiece_tokenizer(const std::filesystem::path& path) {
  SentencePieceParts parts;
  parts.vocabulary = read_sentencepiece(read_file(path), path.string());
  const auto folder = path.parent_path();
  const LlamaFiles files(folder);
  const JsonReader config = files.config();
  refuse_what_is_not_exact(config);
  const LlamaTokens tokens(files, parts.vocabulary);
  const auto bos = tokens.id_of_role("bos_token");
  const auto eos = tokens.id_of_role("eos_token");
  parts.added = tokens.added();
  parts.bare = tokens.with_role();
  parts.space = read_space(config, parts.vocabulary);
  parts.vocabulary.add_dummy_prefix = parts.vocabulary.add_dummy_prefix && parts.space == SpacePrefix::kEveryPart;
  if (bos && config.flag_or("add_bos_token", true)) parts.prefix.push_back(*bos);
  if (eos && config.flag_or("add_eos_token", false)) parts.suffix.push_back(*eos);
  TokenizerSettings settings = read_settings(folder, bos, eos, parts.added);
  return std::make_unique<SentencePieceTokenizer>(std::move(parts), std::move(settings));
}

}  // namespace pal

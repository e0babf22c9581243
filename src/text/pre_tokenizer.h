// The cuts made before merging: regular expressions, digits, the prefix spaces of byte-level and Metaspace
// tokenizers, BERT's words.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

// The cuts of GPT-2, Llama 3 and Qwen2, as their tokenizer.json state them.
inline constexpr const char* kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr const char* kLlama3Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr const char* kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// A text in pieces. `views` point into the caller's text or into `changed`.
struct Pieces {
  std::vector<std::string_view> views;
  std::deque<std::string> changed;  // pieces that are no longer part of the caller's text
  bool at_start = true;             // the first piece begins where the whole text does
};

// One step that cuts every piece further. Steps are those of Hugging Face tokenizers. Thread-safe.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(Pieces& pieces) const = 0;
};

// What becomes of a piece that the pattern matches.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };
// Throws UserError that lists the names.
SplitBehavior split_behavior(std::string_view name, std::string_view where);

// Split: cuts at the matches of `regex`; `invert`: at what lies between them. Throws UserError where the regex does
// not compile, or uses something that ICU and the reference's engine (Oniguruma) do not read alike.
std::unique_ptr<PreTokenizer> make_split(std::string_view regex, SplitBehavior behavior, bool invert,
                                         std::string_view where);
// The same for a fixed text.
std::unique_ptr<PreTokenizer> make_literal_split(std::string_view literal, SplitBehavior behavior,
                                                 bool invert, std::string_view where);
// Digits: numbers (Unicode category N) apart from the rest, each digit alone or a run together.
std::unique_ptr<PreTokenizer> make_digits(bool individual);
// ByteLevel: GPT-2's regex if `use_regex`; a space before each piece without one if `add_prefix_space`.
std::unique_ptr<PreTokenizer> make_byte_level(bool add_prefix_space, bool use_regex);
// Metaspace: every space becomes `mark`; then a mark before each piece without one by `prefix`; then a cut before every mark if `cut`.
enum class MetaspacePrefix { kAlways, kFirst, kNever };  // kFirst: only at the start of the whole text
std::unique_ptr<PreTokenizer> make_metaspace(std::string mark, MetaspacePrefix prefix, bool cut);
// BertPreTokenizer: words between white space, and every punctuation character by itself.
std::unique_ptr<PreTokenizer> make_bert_pre_tokenizer();

// The steps of a GGUF file's tokenizer.ggml.pre: gpt-2, llama-bpe, qwen2, smollm. Throws UserError that lists them.
std::vector<std::unique_ptr<PreTokenizer>> gguf_pre_tokenizers(std::string_view pre, std::string_view where);

}  // namespace pal

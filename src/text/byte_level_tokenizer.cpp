#include "byte_level_tokenizer.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uniset.h>

#include <algorithm>
#include <set>

#include "pal/core/check.h"
#include "unicode.h"

namespace pal {
namespace {

// The added tokens that are looked for before (or after) normalisation, in the form in which they are looked for.
std::vector<AddedToken> tokens_to_find(const std::vector<AddedToken>& added, bool normalized, bool nfc) {
  std::vector<AddedToken> tokens;
  for (AddedToken token : added) {
    if (token.normalized != normalized) continue;
    if (normalized && nfc) token.content = normalize_nfc(token.content);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// Hugging Face's tokenizers normalise by the tables of Unicode 9 (crate unicode-normalization-alignments): characters
// that came later do not combine or move. ICU's own tables would order 98 marks differently (seen with 0.23).
icu::FilteredNormalizer2 unicode_9_nfc() {
  UErrorCode status = U_ZERO_ERROR;
  static const icu::UnicodeSet known(u"[:Age=9.0:]", status);
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  PAL_ASSERT(U_SUCCESS(status), "ICU has no NFC data: {}", u_errorName(status));
  return {*nfc, known};
}

}  // namespace

std::string normalize_nfc(std::string_view text) {
  static const icu::FilteredNormalizer2 nfc = unicode_9_nfc();
  UErrorCode status = U_ZERO_ERROR;
  std::string normalized;
  icu::StringByteSink<std::string> sink(&normalized);
  nfc.normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr,
                    status);
  PAL_ASSERT(U_SUCCESS(status), "NFC of {} bytes failed: {}", text.size(), u_errorName(status));
  return normalized;
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

ByteLevelTokenizer::ByteLevelTokenizer(ByteLevelParts parts, TokenizerSettings settings)
    : Tokenizer(std::move(settings)),
      model_(std::move(parts.model)),
      plain_tokens_(tokens_to_find(parts.added, false, parts.nfc)),
      normalized_tokens_(tokens_to_find(parts.added, true, parts.nfc)),
      nfc_(parts.nfc),
      pre_tokenizers_(std::move(parts.pre_tokenizers)),
      prefix_(std::move(parts.prefix)),
      suffix_(std::move(parts.suffix)) {
  for (AddedToken& token : parts.added) {
    added_ids_.emplace(token.content, token.id);
    added_.emplace(token.id, std::move(token));
  }
}

std::vector<std::int64_t> ByteLevelTokenizer::encode(std::string_view text, bool special) const {
  const auto invalid = find_invalid_utf8(text);
  PAL_CHECK(!invalid, "text: expected UTF-8, got an ill-formed sequence at byte {} of {}", *invalid,
            text.size());
  std::vector<std::int64_t> ids;
  if (special) ids = prefix_;
  for (const auto& part : plain_tokens_.split(text)) {
    if (part.id) {
      ids.push_back(*part.id);
      continue;
    }
    const std::string normalized = nfc_ ? normalize_nfc(part.text) : std::string();
    for (const auto& inner : normalized_tokens_.split(nfc_ ? std::string_view(normalized) : part.text)) {
      if (inner.id) {
        ids.push_back(*inner.id);
      } else {
        encode_ordinary(inner.text, ids);
      }
    }
  }
  if (special) ids.insert(ids.end(), suffix_.begin(), suffix_.end());
  return ids;
}

void ByteLevelTokenizer::encode_ordinary(std::string_view text, std::vector<std::int64_t>& ids) const {
  Pieces pieces;
  pieces.views.push_back(text);
  for (const auto& step : pre_tokenizers_) step->apply(pieces);
  for (std::string_view word : pieces.views) model_.encode(word, ids);
}

const std::string* ByteLevelTokenizer::token(std::int64_t id) const {
  const auto added = added_.find(id);
  if (added != added_.end()) return &added->second.content;
  const auto& token = model_.token(id);
  return token ? &*token : nullptr;
}

std::string ByteLevelTokenizer::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::string bytes;
  for (std::int64_t id : ids) {
    const std::string* piece = token(id);
    if (piece == nullptr) continue;
    const auto added = added_.find(id);
    if (skip_special && added != added_.end() && added->second.special) continue;
    // A token with a character outside the byte alphabet, say an added token with a space, stands for itself.
    bytes += bytes_of_token(*piece).value_or(*piece);
  }
  return replace_invalid_utf8(bytes);
}

std::int64_t ByteLevelTokenizer::vocab_size() const {
  std::int64_t size = model_.size();
  for (const auto& [id, token] : added_) size = std::max(size, id + 1);
  return size;
}

std::optional<std::int64_t> ByteLevelTokenizer::token_id(std::string_view piece) const {
  const auto added = added_ids_.find(piece);
  if (added != added_ids_.end()) return added->second;
  return model_.token_id(piece);
}

}  // namespace pal

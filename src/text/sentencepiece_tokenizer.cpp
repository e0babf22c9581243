#include "sentencepiece_tokenizer.h"

#include <algorithm>

#include "pal/core/check.h"
#include "unicode.h"

namespace pal {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";  // SentencePiece writes a space so

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(SentencePieceParts parts, TokenizerSettings settings)
    : Tokenizer(std::move(settings)),
      space_(parts.space),
      bare_(std::move(parts.bare)),
      added_finder_(parts.added),
      size_(static_cast<std::int64_t>(parts.vocabulary.pieces.size())),
      prefix_(std::move(parts.prefix)),
      suffix_(std::move(parts.suffix)) {
  const auto status = processor_.LoadFromSerializedProto(write_sentencepiece(parts.vocabulary));
  PAL_CHECK(status.ok(), "{}: {}", parts.vocabulary.where, status.error_message());
  for (std::size_t id = 0; id < parts.vocabulary.pieces.size(); ++id) {
    ids_.emplace(parts.vocabulary.pieces[id].text, static_cast<std::int64_t>(id));
  }
  for (AddedToken& token : parts.added) {
    size_ = std::max(size_, token.id + 1);
    ids_.insert_or_assign(token.content, token.id);
    added_.emplace(token.id, std::move(token));
  }
}

std::vector<int> SentencePieceTokenizer::encode_part(std::string_view text) const {
  std::vector<int> ids;
  const auto status = processor_.Encode(text, &ids);
  PAL_CHECK(status.ok(), "text of {} bytes: {}", text.size(), status.error_message());
  return ids;
}

std::vector<std::int64_t> SentencePieceTokenizer::encode(std::string_view text, bool special) const {
  check_utf8(text);
  std::vector<std::int64_t> ids;
  if (special) ids = prefix_;
  std::string prepared;
  if (space_ == SpacePrefix::kFirstPart && !text.empty()) {
    std::string unmarked(text);
    replace_all(unmarked, kSpaceMark, " ");
    text = prepared.append(kSpaceMark).append(unmarked);
  }
  const auto parts = added_finder_.split(text);
  for (std::size_t index = 0; index < parts.size(); ++index) {
    const auto& part = parts[index];
    if (part.id) {
      ids.push_back(*part.id);
      continue;
    }
    const bool only_our_space = space_ == SpacePrefix::kFirstPart && index == 0 && part.text == kSpaceMark;
    if (only_our_space && parts.size() > 1 && bare_.contains(*parts[1].id)) continue;
    const auto inner = encode_part(part.text);
    ids.insert(ids.end(), inner.begin(), inner.end());
  }
  if (special) ids.insert(ids.end(), suffix_.begin(), suffix_.end());
  return ids;
}

std::string SentencePieceTokenizer::decode_part(const std::vector<int>& ids) const {
  std::string text;
  const auto status = processor_.Decode(ids, &text);
  PAL_CHECK(status.ok(), "{} token ids: {}", ids.size(), status.error_message());
  return text;
}

std::string SentencePieceTokenizer::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::string text;
  std::vector<int> part;
  const auto finish_part = [&] {
    if (part.empty()) return;
    std::string decoded = decode_part(part);
    const bool ours = space_ == SpacePrefix::kFirstPart && text.empty() && decoded.starts_with(' ');
    text += ours ? std::string_view(decoded).substr(1) : std::string_view(decoded);
    part.clear();
  };
  for (std::int64_t id : ids) {
    const auto added = added_.find(id);
    if (added != added_.end()) {
      finish_part();
      if (!skip_special || !added->second.special) text += added->second.content;
    } else if (id >= 0 && id < processor_.GetPieceSize()) {
      part.push_back(static_cast<int>(id));
    }
  }
  finish_part();
  return text;
}

std::int64_t SentencePieceTokenizer::vocab_size() const { return size_; }

std::optional<std::int64_t> SentencePieceTokenizer::token_id(std::string_view piece) const {
  const auto found = ids_.find(piece);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

}  // namespace pal

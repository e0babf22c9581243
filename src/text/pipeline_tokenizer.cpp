#include "pipeline_tokenizer.h"

#include <algorithm>

#include "pal/core/check.h"
#include "unicode.h"

namespace pal {

PipelineTokenizer::PipelineTokenizer(PipelineParts parts, TokenizerSettings settings)
    : Tokenizer(std::move(settings)),
      model_(std::move(parts.model)),
      normalizers_(std::move(parts.normalizers)),
      plain_tokens_(tokens_to_find(parts.added, false)),
      normalized_tokens_(tokens_to_find(parts.added, true)),
      pre_tokenizers_(std::move(parts.pre_tokenizers)),
      decoders_(std::move(parts.decoders)),
      prefix_(std::move(parts.prefix)),
      suffix_(std::move(parts.suffix)) {
  for (AddedToken& token : parts.added) {
    added_ids_.emplace(token.content, token.id);
    added_.emplace(token.id, std::move(token));
  }
}

// The added tokens that are looked for before (or after) normalisation, in the form in which they are looked for.
std::vector<AddedToken> PipelineTokenizer::tokens_to_find(const std::vector<AddedToken>& added, bool normalized) const {
  std::vector<AddedToken> tokens;
  for (AddedToken token : added) {
    if (token.normalized != normalized) continue;
    if (normalized) token.content = normalize(token.content);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::string PipelineTokenizer::normalize(std::string_view text) const {
  std::string normalized(text);
  for (const auto& step : normalizers_) step->apply(normalized);
  return normalized;
}

std::vector<std::int64_t> PipelineTokenizer::encode(std::string_view text, bool special) const {
  check_utf8(text);
  std::vector<std::int64_t> ids;
  if (special) ids = prefix_;
  for (const auto& part : plain_tokens_.split(text)) {
    if (part.id) {
      ids.push_back(*part.id);
      continue;
    }
    const std::string changed = normalizers_.empty() ? std::string() : normalize(part.text);
    const std::string_view normalized = normalizers_.empty() ? part.text : std::string_view(changed);
    for (const auto& inner : normalized_tokens_.split(normalized)) {
      if (inner.id) {
        ids.push_back(*inner.id);
      } else {
        const bool at_start = part.text.data() == text.data() && inner.text.data() == normalized.data();
        encode_ordinary(inner.text, at_start, ids);
      }
    }
  }
  if (special) ids.insert(ids.end(), suffix_.begin(), suffix_.end());
  return ids;
}

void PipelineTokenizer::encode_ordinary(std::string_view text, bool at_start, std::vector<std::int64_t>& ids) const {
  Pieces pieces;
  pieces.views.push_back(text);
  pieces.at_start = at_start;
  for (const auto& step : pre_tokenizers_) step->apply(pieces);
  for (std::string_view word : pieces.views) model_->encode(word, ids);
}

const std::string* PipelineTokenizer::token(std::int64_t id) const {
  const auto added = added_.find(id);
  if (added != added_.end()) return &added->second.content;
  const auto& token = model_->tokens().token(id);
  return token ? &*token : nullptr;
}

std::string PipelineTokenizer::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  for (std::int64_t id : ids) {
    const std::string* piece = token(id);
    if (piece == nullptr) continue;
    const auto added = added_.find(id);
    if (skip_special && added != added_.end() && added->second.special) continue;
    tokens.push_back(*piece);
  }
  for (const auto& step : decoders_) step->apply(tokens);
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

std::int64_t PipelineTokenizer::vocab_size() const {
  std::int64_t size = model_->tokens().size();
  for (const auto& [id, token] : added_) size = std::max(size, id + 1);
  return size;
}

std::optional<std::int64_t> PipelineTokenizer::token_id(std::string_view piece) const {
  const auto added = added_ids_.find(piece);
  if (added != added_ids_.end()) return added->second;
  return model_->tokens().id(piece);
}

}  // namespace pal

#include "added_tokens.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "pal/core/check.h"
#include "unicode.h"

namespace pal {
namespace {

// \w of the Rust regex crate (UTS 18 annex C).
bool is_word(char32_t c) {
  const auto code_point = static_cast<UChar32>(c);
  return u_hasBinaryProperty(code_point, UCHAR_ALPHABETIC) ||
         u_hasBinaryProperty(code_point, UCHAR_JOIN_CONTROL) ||
         (U_GET_GC_MASK(code_point) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0;
}

bool word_before(std::string_view text, std::size_t at) {
  return at > 0 && is_word(previous_code_point(text, at));
}

bool word_behind(std::string_view text, std::size_t at) {
  return at < text.size() && is_word(next_code_point(text, at));
}

bool is_white_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0; }

std::size_t skip_space_backwards(std::string_view text, std::size_t at) {
  while (at > 0) {
    std::size_t before = at;
    if (!is_white_space(previous_code_point(text, before))) break;
    at = before;
  }
  return at;
}

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    std::size_t behind = at;
    if (!is_white_space(next_code_point(text, behind))) break;
    at = behind;
  }
  return at;
}

}  // namespace

void check_added_tokens(const std::vector<AddedToken>& tokens, const VocabularyList& vocabulary,
                        const std::string& where) {
  std::unordered_map<std::string, std::int64_t> ids;
  std::unordered_map<std::int64_t, std::string> contents;
  for (const auto& [token, id] : vocabulary) {
    ids.emplace(token, id);
    contents.emplace(id, token);
  }
  for (const AddedToken& token : tokens) {
    const auto id = ids.emplace(token.content, token.id).first->second;
    PAL_CHECK(id == token.id, "{}: added token '{}' has the ids {} and {}", where, token.content, id,
              token.id);
    const auto& content = contents.emplace(token.id, token.content).first->second;
    PAL_CHECK(content == token.content, "{}: the id {} stands for '{}' and for the added token '{}'", where,
              token.id, content, token.content);
  }
}

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)), nodes_(1) {
  for (std::size_t index = 0; index < tokens_.size(); ++index) {
    if (tokens_[index].content.empty()) continue;
    std::size_t node = 0;
    for (char byte : tokens_[index].content) {
      const auto [child, is_new] = nodes_[node].next.try_emplace(byte, nodes_.size());
      node = child->second;
      if (is_new) nodes_.emplace_back();  // after the last use of `child`
    }
    if (!nodes_[node].token) nodes_[node].token = index;
  }
}

std::optional<AddedTokenFinder::Match> AddedTokenFinder::find(std::string_view text, std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    std::optional<Match> longest;
    std::size_t node = 0;
    for (std::size_t at = begin; at < text.size(); ++at) {
      const auto child = nodes_[node].next.find(text[at]);
      if (child == nodes_[node].next.end()) break;
      node = child->second;
      if (nodes_[node].token) longest = Match{begin, at + 1, &tokens_[*nodes_[node].token]};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

std::vector<AddedTokenFinder::Part> AddedTokenFinder::split(std::string_view text) const {
  std::vector<Part> parts;
  std::size_t done = 0;
  std::size_t from = 0;
  while (const auto match = find(text, from)) {
    from = match->end;
    std::size_t begin = match->begin;
    std::size_t end = match->end;
    const AddedToken& token = *match->token;
    if (token.single_word && (word_before(text, begin) || word_behind(text, end))) continue;
    if (token.lstrip) begin = std::max(skip_space_backwards(text, begin), done);
    if (token.rstrip) end = skip_space(text, end);
    begin = std::min(begin, end);  // white space that the token before took may be part of this one
    if (done < begin) parts.push_back({text.substr(done, begin - done), std::nullopt});
    parts.push_back({text.substr(begin, end - begin), token.id});
    done = end;
  }
  if (done < text.size()) parts.push_back({text.substr(done), std::nullopt});
  return parts;
}

}  // namespace pal

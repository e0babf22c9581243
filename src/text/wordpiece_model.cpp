#include "wordpiece_model.h"

#include "pal/core/check.h"
#include "unicode.h"

namespace pal {

WordpieceModel::WordpieceModel(WordpieceFile file)
    : prefix_(std::move(file.prefix)), longest_word_(file.longest_word) {
  for (const auto& [token, id] : file.vocabulary) tokens_.add(token, id, file.where);
  const auto unknown = tokens_.id(file.unknown_token);
  PAL_CHECK(unknown, "{}: the unknown token '{}' is not in the vocabulary", file.where, file.unknown_token);
  unknown_id_ = *unknown;
}

void WordpieceModel::encode(std::string_view word, std::vector<std::int64_t>& ids) const {
  std::vector<std::size_t> ends;  // of each character, in bytes
  for (std::size_t at = 0; at < word.size(); ends.push_back(at)) next_code_point(word, at);
  if (static_cast<std::int64_t>(ends.size()) > longest_word_) return ids.push_back(unknown_id_);

  const std::size_t before = ids.size();
  std::string piece;
  for (std::size_t first = 0; first < ends.size();) {
    const std::size_t begin = first == 0 ? 0 : ends[first - 1];
    std::size_t last = ends.size();
    for (; last > first; --last) {
      piece.assign(first == 0 ? "" : prefix_).append(word.substr(begin, ends[last - 1] - begin));
      if (const auto id = tokens_.id(piece)) {
        ids.push_back(*id);
        break;
      }
    }
    if (last == first) {  // no token fits here: then the whole word is unknown
      ids.resize(before);
      return ids.push_back(unknown_id_);
    }
    first = last;
  }
}

}  // namespace pal

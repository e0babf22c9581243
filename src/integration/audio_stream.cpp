#include "pal/integration/audio_stream.h"

#include <algorithm>

#include "pal/core/check.h"

namespace pal {

std::vector<bool> LayerSelection::flags(int64_t layers, const std::string& where) const {
  std::vector<bool> selected(std::size_t(layers), kind == Kind::kAll);
  const auto check = [&](int64_t layer) {
    PAL_CHECK(layer >= 0 && layer < layers, "{}: layer {} does not exist; the decoder has layers 0..{}", where, layer,
              layers - 1);
  };
  if (kind == Kind::kFrom) {
    check(number);
    std::fill(selected.begin() + number, selected.end(), true);
  } else if (kind == Kind::kEvery) {
    PAL_CHECK(number > 0, "{}: 'every' must be at least 1, got {}", where, number);
    for (int64_t i = 0; i < layers; i += number) selected[std::size_t(i)] = true;
  } else if (kind == Kind::kList) {
    PAL_CHECK(!list.empty(), "{}: the list of layers is empty; a stream that no layer reads cannot matter", where);
    for (int64_t layer : list) {
      check(layer);
      PAL_CHECK(!selected[std::size_t(layer)], "{}: layer {} is listed twice", where, layer);
      selected[std::size_t(layer)] = true;
    }
  }
  return selected;
}

}  // namespace pal

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

AudioCut AudioCut::of_layers(const std::vector<bool>& layers, int64_t groups) {
  AudioCut cut;
  for (const bool is_cut : layers) cut.heads.emplace_back(std::size_t(groups), is_cut);
  return cut;
}

AudioCut AudioCut::of_group(int64_t group, int64_t layers, int64_t groups) {
  std::vector<bool> heads(std::size_t(groups), false);
  heads.at(std::size_t(group)) = true;
  return {std::vector<std::vector<bool>>(std::size_t(layers), heads)};
}

bool AudioCut::is_whole(int64_t layer) const {
  return !heads.empty() && std::ranges::count(heads.at(std::size_t(layer)), false) == 0;
}

std::vector<int64_t> AudioCut::groups(int64_t layer) const {
  std::vector<int64_t> cut;
  if (heads.empty()) return cut;
  const auto& flags = heads.at(std::size_t(layer));
  for (std::size_t g = 0; g < flags.size(); ++g)
    if (flags[g]) cut.push_back(int64_t(g));
  return cut;
}

}  // namespace pal

// An audio stream: what one encoder and connector give the LLM, and how it enters. A model is a decoder and its streams;
// PLITS, LAL and PAL differ in nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pal {

// How a stream enters the LLM.
enum class Integration {
  kPlits,  // tokens are put into the input sequence: rows with queries, at every layer
  kLal,    // tokens are only keys and values in the attention of the selected layers
};

// Which layers read a LAL stream: all | {from: N} | {every: M} | a list.
struct LayerSelection {
  // The spellings above.
  enum class Kind { kAll, kFrom, kEvery, kList } kind = Kind::kAll;  // which of them
  int64_t number = 0;                                                // from: the first layer; every: 0, M, 2M, ...
  std::vector<int64_t> list;                                         // increasing

  // One flag a layer. Throws UserError where a layer does not exist or none is selected.
  std::vector<bool> flags(int64_t layers, const std::string& where) const;
};

// A stream as the sequence sees it.
struct StreamPlace {
  Integration integration = Integration::kPlits;  // how it enters
  std::vector<bool> layers;                       // one flag a decoder layer; LAL only
};

// Where LAL audio is not heard although a stream's layers would read it: a control for probing, no part of a model.
struct AudioCut {
  // heads[layer][g]: the query heads that share key/value head g of this layer attend to rows alone. Empty: nothing is cut.
  std::vector<std::vector<bool>> heads;

  static AudioCut of_layers(const std::vector<bool>& layers, int64_t groups);  // all heads of the layers whose flag is set
  static AudioCut of_group(int64_t group, int64_t layers, int64_t groups);     // one key/value head, at every layer

  bool is_whole(int64_t layer) const;                          // no head of the layer hears
  std::vector<int64_t> groups(int64_t layer) const;            // the key/value heads of the layer that do not hear, increasing
};

}  // namespace pal

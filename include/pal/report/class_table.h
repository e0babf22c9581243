// How answers that are classes go right and wrong, class by class.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pal/metrics/predictions.h"

namespace pal {

// One class. A clip belongs to one class: the reference that its answer matches, or its first.
struct ClassRow {
  std::string name;                 // as the references spell it
  int64_t n = 0;                    // clips of the class
  int64_t said = 0;                 // answers that name it
  int64_t hits = 0;                 // both
  std::optional<double> precision;  // hits / said; absent: never said
  std::optional<double> recall;     // hits / n; absent: no clip
  std::optional<double> f1;         // absent: neither said nor there
};

// All classes, and which was taken for which.
struct ClassTable {
  std::vector<ClassRow> rows;                                 // sorted by name
  std::map<std::pair<int64_t, int64_t>, int64_t> confusion;   // {row of the reference, row of the answer} -> clips; rows.size(): no class
  int64_t outside = 0;                                        // answers that name no class
};

// Texts are compared as accuracy compares them. closed: the classes that could be answered; empty: those of the references.
// nullopt where the answers are free text and the references name more than `most` classes, which are then captions.
std::optional<ClassTable> class_table(std::span<const Prediction> predictions, const std::vector<std::string>& closed,
                                      std::size_t most = 1000);

}  // namespace pal

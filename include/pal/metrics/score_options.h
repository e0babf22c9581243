// What metrics can be told.
#pragma once

#include <filesystem>
#include <optional>

#include "pal/metrics/average_precision.h"
#include "pal/metrics/bootstrap.h"

namespace pal {

// The Java programs of METEOR and SPICE, which are the user's own: pal neither holds nor imitates them.
struct JavaScorers {
  std::filesystem::path meteor_jar;  // empty: METEOR is not available
  std::filesystem::path spice_jar;   // empty: SPICE is not available
  double seconds = 1800;             // how long a program may run
};

// Options of a score; each metric takes those that concern it.
struct ScoreOptions {
  bool tokenized = false;                       // the captions are PTB-tokenized already
  std::optional<double> threshold;              // F1 of class scores: a class is said where its score is above this
  AbsentClasses absent = AbsentClasses::kSkip;  // map
  BootstrapOptions bootstrap;                   // of the interval, where one is drawn
  JavaScorers java;                             // meteor and spice
};

}  // namespace pal

// METEOR (Denkowski and Lavie 2014) by its authors' own program.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "pal/core/child_process.h"
#include "pal/metrics/words.h"

namespace pal {

// A running meteor-1.5.jar of the user's, asked as pycocoevalcap asks it: `java -jar -Xmx2G JAR - - -stdio -l en -norm`.
// Everything it does wrong is a UserError.
class Meteor {
 public:
  // It may run for `seconds`. Throws UserError where there is no such file, or no Java.
  Meteor(const std::filesystem::path& jar, double seconds);

  // What METEOR counts in one clip; counts of several clips add up.
  using Counts = std::vector<double>;
  Counts counts(const CaptionWords& clip);  // of one clip, by the jar

  // The score of counts, 0 to 1: of a clip, or of a whole set by their sum.
  double score(const Counts& counts);

 private:
  ChildProcess java_;
};

}  // namespace pal

#include "pal/metrics/accuracy.h"

#include <gtest/gtest.h>

#include "pal/metrics/words.h"

namespace pal {
namespace {

TEST(Accuracy, AnyReferenceCounts) {
  const std::vector<Prediction> predictions = {
      {"1", "dog", {"cat", "dog"}}, {"2", "bird", {"cat", "dog"}}, {"3", "", {""}}};
  EXPECT_EQ(accuracy_per_sample(predictions), (std::vector<double>{1, 0, 1}));
}

TEST(Accuracy, OnlyCaseAndOuterSpaceAreForgiven) {
  const std::vector<Prediction> predictions = {{"1", " \tDog Bark\n", {"dog bark"}},
                                               {"2", "dog  bark", {"dog bark"}},
                                               {"3", "dog bark.", {"dog bark"}},
                                               {"4", "\u00a0\u00c9CLAIR\u3000", {"\u00e9clair"}},
                                               {"5", "\u03a3\u039f\u03a3", {"\u03c3\u03bf\u03c3"}},
                                               {"6", "dog", {"dog bark"}}};
  // 5: at a word's end the capital sigma becomes the final one.
  EXPECT_EQ(accuracy_per_sample(predictions), (std::vector<double>{1, 0, 0, 1, 0, 0}));
  EXPECT_EQ(trimmed_lower("\u03a3\u039f\u03a3 "), "\u03c3\u03bf\u03c2");
}

}  // namespace
}  // namespace pal

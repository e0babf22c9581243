#include "pal/core/suggest.h"

#include <gtest/gtest.h>

namespace pal {
namespace {

TEST(Suggest, DistanceCountsInsertionsDeletionsAndReplacements) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("", "ab"), 2u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("rte", "rate"), 1u);
}

TEST(Suggest, NearestIsWithinTwoLettersOrAThirdOfTheWord) {
  const std::vector<std::string> keys = {"learning_rate", "steps", "lr"};
  EXPECT_EQ(nearest("stpes", keys), "steps");
  EXPECT_EQ(nearest("lerning_rat", keys), "learning_rate");
  EXPECT_EQ(nearest("lrning_ra", keys), "");                  // 4 letters of 9
  EXPECT_EQ(nearest("larning_rtes", keys), "learning_rate");  // 3 letters of 12
  EXPECT_EQ(nearest("ab", keys), "");                         // 2 letters, but none in common
  EXPECT_EQ(nearest("lr", keys), "lr");
  EXPECT_EQ(nearest(std::string(1000000, 's'), keys), "");
}

TEST(Suggest, OtherwiseAllAreListed) {
  EXPECT_EQ(suggestion("stpes", {"steps", "name"}, "valid keys"), "; did you mean 'steps'?");
  EXPECT_EQ(suggestion("momentum", {"steps", "name"}, "valid keys"), "; valid keys: steps, name");
  EXPECT_EQ(suggestion("momentum", {}, "valid keys"), "");
}

}  // namespace
}  // namespace pal

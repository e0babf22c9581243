#include "pal/core/base64.h"

#include <gtest/gtest.h>

namespace pal {
namespace {

TEST(Base64, IsThatOfRfc4648) {  // its section 10
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64(std::string("\xff\x00\xfe", 3)), "/wD+");
}

TEST(Base64, PiecesOfLongInputAreSeamless) {
  const std::string bytes((3u << 20) + 4, 'f');  // "fff" is ZmZm
  const auto text = base64(bytes);
  EXPECT_EQ(text.size(), 4 * ((bytes.size() + 2) / 3));
  EXPECT_EQ(text.substr((4u << 20) - 4), "ZmZmZmZmZg==");
}

}  // namespace
}  // namespace pal

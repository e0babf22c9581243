#include "pal/core/printable.h"

#include <gtest/gtest.h>

namespace pal {
namespace {

TEST(Printable, ControlCharactersCannotReachTheTerminal) {
  EXPECT_EQ(printable("dog\x1b[2J\x1b]0;title\x07"), "dog\\x1b[2J\\x1b]0;title\\x07");
  EXPECT_EQ(printable(std::string_view("a\0b\tc\nd\x7f", 8)), "a\\x00b\\x09c\\x0ad\\x7f");
  EXPECT_EQ(printable("\xc2\x9b" "2J"), "\\x9b2J");  // CSI in one character
  EXPECT_EQ(printable("\xc2"), "\xc2");
  EXPECT_EQ(printable("a\nb", /*keep_newlines=*/true), "a\nb");
}

TEST(Printable, OtherTextStaysAsItIs) {
  for (const char* text : {"", "<b>dog</b> & 'cat'", "Kätzchen, 犬, \xc2\xa0", "C:\\x"}) EXPECT_EQ(printable(text), text);
}

}  // namespace
}  // namespace pal

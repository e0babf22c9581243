#include "pal/config/yaml_parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "error_message.h"
#include "pal/config/dump.h"

namespace pal {
namespace {

std::string error_of(const std::string& yaml) {
  return error_message([&] { parse_yaml(yaml, "pal.yaml"); });
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Yaml, ValuesHaveTheLinesOfTheirKeys) {
  const Node root = parse_yaml("# x\na: 1\nb:\n  - c: 2\n    d:\n      - 3\n      - 4\n", "pal.yaml");
  const Node& element = root.child("b")->children[0];
  EXPECT_EQ(root.origin.text(), "pal.yaml");
  EXPECT_EQ(root.child("a")->origin.text(), "pal.yaml:2");
  EXPECT_EQ(root.child("b")->origin.text(), "pal.yaml:3");
  EXPECT_EQ(element.origin.text(), "pal.yaml:4");
  EXPECT_EQ(element.child("d")->origin.text(), "pal.yaml:5");
  EXPECT_EQ(element.child("d")->children[1].origin.text(), "pal.yaml:7");
}

TEST(Yaml, QuotesAreKnown) {
  const Node root = parse_yaml("[1, '1', \"1\", null, 'null']", "pal.yaml");
  EXPECT_FALSE(root.children[0].quoted);
  EXPECT_TRUE(root.children[1].quoted);
  EXPECT_TRUE(root.children[2].quoted);
  EXPECT_TRUE(root.children[3].is_null());
  EXPECT_EQ(root.children[4].text, "null");
}

TEST(Yaml, AliasesAreExpanded) {
  EXPECT_EQ(flow_text(parse_yaml("a: &x {b: [1]}\nc: *x\nd: [*x, *x]\n", "pal.yaml")),
            "{a: {b: [1]}, c: {b: [1]}, d: [{b: [1]}, {b: [1]}]}");
}

TEST(Yaml, AliasBombIsRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {  // 10^10 values
    const std::string below = fmt::format("*a{}", i - 1);
    bomb += fmt::format("a{0}: &a{0} [{1}{2}]\n", i, repeated(below + ", ", 9), below);
  }
  EXPECT_EQ(error_of(bomb), "pal.yaml:5: the document is too large with its aliases expanded");
}

TEST(Yaml, AliasesOfLongTextCountTheirText) {
  const std::string yaml = "a: &a " + std::string(500000, 'x') + "\nb: [" + repeated("*a, ", 10000) + "*a]\n";
  EXPECT_EQ(error_of(yaml), "pal.yaml:2: the document is too large with its aliases expanded");
}

TEST(Yaml, AliasesCannotDeepenTheNesting) {
  std::string yaml = "a0: &a0 [x]\n";
  for (int i = 1; i < 60; ++i) {
    yaml += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  }
  EXPECT_EQ(error_of(yaml), "pal.yaml:31: nested more than 32 levels deep");
}

TEST(Yaml, NestingIsBounded) {
  EXPECT_EQ(error_of("a: 1\nb: " + repeated("[", 33) + repeated("]", 33)),
            "pal.yaml:2: nested more than 32 levels deep");
  EXPECT_EQ(error_of("a: 1\nb: " + repeated("[", 600) + repeated("]", 600)),
            "pal.yaml:2: bad file; is it nested hundreds of levels deep?");
  EXPECT_EQ(error_of(repeated("[", 32) + repeated("]", 32)), "(no error)");
}

TEST(Yaml, SizeIsBounded) {
  EXPECT_EQ(error_of("a: 1\n? " + std::string(257, 'k') + "\n: 1"),
            "pal.yaml:2: a key of 257 bytes; it may have 256");
  EXPECT_EQ(error_of(std::string((1 << 20) + 1, 'x')), "pal.yaml: 1048577 bytes; a config may have 1048576");
}

TEST(Yaml, MarksOfOtherEncodingsAreRefused) {
  EXPECT_NE(error_of(std::string("\xff\xfe"
                                 "a\0:\0 \0b\0",
                                 10))
                .find("not UTF-8"),
            std::string::npos);
  const Node root = parse_yaml(
      "\xef\xbb\xbf"
      "a: \xc3\xa4\xf0\x9f\x8e\xb5\n",
      "pal.yaml");  // a byte-order mark, a letter of two bytes and a note of four
  EXPECT_EQ(root.child("a")->text, "\xc3\xa4\xf0\x9f\x8e\xb5");
  EXPECT_NE(error_of("a: \xed\xa0\x80").find("not UTF-8"), std::string::npos);      // half a surrogate pair
  EXPECT_NE(error_of("a: \xf4\x90\x80\x80").find("not UTF-8"), std::string::npos);  // beyond U+10FFFF
  EXPECT_NE(error_of("a: \xf5\x80\x80\x80").find("not UTF-8"), std::string::npos);  // likewise
  EXPECT_NE(error_of("a: \xe0\x9f\xbf").find("not UTF-8"), std::string::npos);      // longer than it need be
  const std::string_view cut = std::string_view("\xe2\x82\xac").substr(0, 2);
  EXPECT_NE(error_message([&] { parse_yaml(cut, "pal.yaml"); }).find("not UTF-8"), std::string::npos);
  EXPECT_NE(error_of("a: \xe2\x82").find("not UTF-8"), std::string::npos);  // cut
}

// Texts of the size of the largest file that make a parser go deep or look far ahead.
TEST(Yaml, HostileTextsEndSoon) {
  for (const std::string unit : {"[", "{a: ", "[[],", "&a ", "? a\n: b\n", "a\n", "- - a\n", ":", "\"\\x41\"",
                                 "---\n", "#", "a: |\n b\n"}) {
    const auto start = std::chrono::steady_clock::now();
    error_of(repeated(unit, static_cast<int>((1 << 20) / unit.size())));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_LT(seconds.count(), 20) << unit;  // a second here; what is quadratic takes hours
  }
}

}  // namespace
}  // namespace pal

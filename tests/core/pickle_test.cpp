#include "pal/core/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pal/core/check.h"
#include "support/mutation.h"
#include "support/torch_file_builder.h"

namespace pal {
namespace {

using namespace pickled;
using Kind = PickleValue::Kind;
using testing::HasSubstr;

Pickle read(const std::string& bytes) { return read_pickle(std::as_bytes(std::span(bytes)), "p.pkl"); }

std::string message(const std::string& bytes) {
  try {
    read(bytes);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

// A value and all it holds, as text. Not for cycles.
std::string shown(const Pickle& pickle, PickleValue::Id id) {
  const PickleValue& value = pickle.values[id];
  std::string parts, items;
  for (const auto part : value.parts) parts += (parts.empty() ? "" : ", ") + shown(pickle, part);
  for (const auto& [key, item] : value.items)
    items += (items.empty() ? "" : ", ") + shown(pickle, key) + ": " + shown(pickle, item);
  switch (value.kind) {
    case Kind::kOther:
      return "?";
    case Kind::kInt:
      return std::to_string(value.integer);
    case Kind::kText:
      return "'" + std::string(value.text) + "'";
    case Kind::kSequence:
      return "[" + parts + "]";
    case Kind::kDict:
      return "{" + items + "}";
    case Kind::kGlobal:
      return "global(" + parts + ")";
    case Kind::kCall:
      return "call(" + parts + ")" + (items.empty() ? "" : "{" + items + "}");
    case Kind::kPersistent:
      return "persistent(" + parts + ")";
  }
  return "";
}

std::string shown(const std::string& instructions) {
  const std::string bytes = whole(instructions);
  const Pickle pickle = read(bytes);
  return shown(pickle, pickle.root);
}

TEST(Pickle, NumbersAndTextsAreRead) {
  EXPECT_EQ(shown("K\xff"), "255");
  EXPECT_EQ(shown(std::string("M\x00\x80", 3)), "32768");
  EXPECT_EQ(shown("J\xfe\xff\xff\xff"), "-2");
  EXPECT_EQ(shown(std::string("\x8a\x00", 2)), "0");
  EXPECT_EQ(shown("\x8a\x01\x80"), "-128");
  EXPECT_EQ(shown(std::string("\x8a\x02\x80\x00", 4)), "128");
  EXPECT_EQ(shown(integer(INT64_MIN)), std::to_string(INT64_MIN));
  EXPECT_EQ(shown(std::string("\x8b\x09\x00\x00\x00", 5) + std::string(9, 'x')), "?");  // more than 64 bits
  EXPECT_EQ(shown(tuple({"N", "\x88", "\x89", "G12345678", "C\x02xy"})), "[?, ?, ?, ?, ?]");
  EXPECT_EQ(shown(tuple({text("a\nb"), "\x8c\x01z", "U\x01s"})), "['a\nb', 'z', 's']");
}

TEST(Pickle, ContainersAreReadHoweverTheyAreFilled) {
  EXPECT_EQ(shown("](" + integer(1) + integer(2) + "e" + integer(3) + "a"), "[1, 2, 3]");
  EXPECT_EQ(shown(integer(1) + integer(2) + integer(3) + "\x87"), "[1, 2, 3]");
  EXPECT_EQ(shown(integer(0) + integer(1) + "\x85\x86"), "[0, [1]]");
  EXPECT_EQ(shown("(" + integer(1) + "l"), "[1]");
  EXPECT_EQ(shown("\x8f(" + integer(1) + "\x90"), "[1]");
  EXPECT_EQ(shown("}" + text("a") + integer(1) + "s(" + text("b") + integer(2) + "u"), "{'a': 1, 'b': 2}");
  EXPECT_EQ(shown("(" + text("a") + integer(1) + "d"), "{'a': 1}");
}

TEST(Pickle, ClassesAndCallsAreNamedAndNothingElse) {
  EXPECT_EQ(shown(call(global("os", "system"), text("rm") + "\x85")), "call(global('os', 'system'), ['rm'])");
  EXPECT_EQ(shown(text("m") + text("C") + "\x93)\x81" + dict({{"x", integer(1)}}) + "b"),
            "call(global('m', 'C'), [])");  // its state is passed over
  EXPECT_EQ(shown(global("m", "C") + ")}\x92"), "call(global('m', 'C'), [], {})");
  EXPECT_EQ(shown(ordered_dict({{"a", integer(1)}})),
            "call(global('collections', 'OrderedDict'), []){'a': 1}");
  EXPECT_EQ(shown(global("m", "List") + ")R(" + integer(1) + "e"), "call(global('m', 'List'), [])");
  EXPECT_EQ(shown(text("0") + "Q"), "persistent('0')");
}

TEST(Pickle, TheMemoSharesValues) {
  EXPECT_EQ(shown("]q\x07" + integer(1) + "a0(h\x07h\x07" + integer(2) + "at"), "[[1, 2], [1, 2]]");
  EXPECT_EQ(shown(std::string("K\x01r\x00\x01\x00\x00", 7) + "0" + std::string("j\x00\x01\x00\x00", 5)), "1");
  EXPECT_EQ(shown("K\x05\x94"
                  "0K\x06\x94"
                  "0h\x01"),
            "6");
  EXPECT_EQ(shown("K\x05"
                  "2\x86"),
            "[5, 5]");
  EXPECT_EQ(message(whole("]q\x01h\x01"
                          "a")),
            "");  // a list that holds itself
}

TEST(Pickle, WhatIsWrongIsNamedWithItsPlace) {
  EXPECT_EQ(message("\x80\x02I12\n."), "p.pkl: byte 3: opcode 0x49 is none of protocols 2 to 5");
  EXPECT_THAT(message(std::string("\x80\x00", 2) + "."), HasSubstr("pickle protocol 0; 2 to 5 are read"));
  EXPECT_THAT(message("\x80\x06."), HasSubstr("pickle protocol 6"));
  EXPECT_THAT(message("\x80\x02K"), HasSubstr("p.pkl: damaged or cut short"));
  EXPECT_THAT(message("\x80\x02X\xff\xff\xff\xff"
                      "abc"),
              HasSubstr("4294967295 bytes were expected at offset 7, but 3 are left"));
  EXPECT_THAT(message("\x80\x02"
                      "cos"),
              HasSubstr("does not end"));
  for (const std::string nothing : {".", "R", "a",
                                    "K\x01"
                                    "a",
                                    "\x85", "q\x01", "Q", "(K\x01(\x85", "K\x01(0"})
    EXPECT_THAT(message("\x80\x02" + nothing), HasSubstr("nothing is on the stack")) << nothing;
  for (const std::string markless : {"t", "e", "1"})
    EXPECT_THAT(message("\x80\x02]" + markless), HasSubstr("there is no mark")) << markless;
  EXPECT_THAT(message("\x80\x02h\x01."), HasSubstr("value 1 of the memo was never stored"));
  EXPECT_THAT(message("\x80\x02K\x01K\x01"
                      "a."),
              HasSubstr("appended to what is no list"));
  EXPECT_THAT(message("\x80\x02]K\x01K\x01s."), HasSubstr("put by a key into what is no dict"));
  EXPECT_THAT(message("\x80\x02}(K\x01u."), HasSubstr("a key has no value"));
}

TEST(Pickle, ProgramsThatDoNotEndSoonAreRefused) {
  EXPECT_THAT(message("\x80\x02" + std::string(5'000'000, ']')), HasSubstr("more than 4000000 "));
  EXPECT_THAT(message("\x80\x02]" + std::string(5'000'000, '2')),
              HasSubstr("more than 4000000 instructions"));
}

TEST(Pickle, DamagedOnesNeverCrash) {
  const std::string good = whole(
      ordered_dict({{"a", tensor(storage("FloatStorage", "0", 4), 0, {2, 2}, {2, 1})},
                    {"b", "]q\x01(" + integer(7) + "\x8c\x01zeh\x01\x86"},
                    {"c", global("argparse", "Namespace") + ")\x81" + dict({{"lr", "G12345678"}}) + "b"}}));
  RandomStream random(3);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) refused += !message(i == 0 ? good : mutated(good, random)).empty();
  EXPECT_EQ(message(good), "");
  EXPECT_GT(refused, 5000);
  EXPECT_LT(refused, 19999);
}

}  // namespace
}  // namespace pal

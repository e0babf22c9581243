#include "pal/core/load_report.h"

#include <gmock/gmock.h>

#include "support/load_problems.h"

namespace pal {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

// 30 layers of which one has another shape, one tensor missing, one unexpected, one skipped.
LoadReport layers() {
  LoadReport report("m.safetensors", "the decoder");
  for (int i = 0; i < 30; ++i) {
    const auto name = fmt::format("layers.{}.w", i);
    if (i == 7)
      report.add({LoadFate::kShape, name, "[4, 4]", "[4, 5] F32", ""});
    else
      report.add({LoadFate::kMatched, name, "[4, 4]", "[4, 4] F32", ""});
  }
  report.add({LoadFate::kUnexpected, "extra", "", "[3] I64", ""});
  report.add({LoadFate::kMissing, "norm", "[4]", "", ""});
  report.add({LoadFate::kSkipped, "rotary", "", "[2] F32", "computed"});
  return report;
}

TEST(LoadReport, TheTableHasAProblemALineAndFoldsWhatDiffersInANumber) {
  EXPECT_EQ(layers().table(),
            "              tensors  name                 expected  found\n"
            "  missing           1  norm                 [4]       -\n"
            "  wrong shape       1  layers.7.w           [4, 4]    [4, 5] F32\n"
            "  unexpected        1  extra                -         [3] I64\n"
            "  skipped           1  rotary               -         [2] F32     computed\n"
            "  matched          29  layers.{0-6,8-29}.w  [4, 4]    [4, 4] F32\n");
}

TEST(LoadReport, WithoutFoldingEveryTensorHasALine) {
  const auto table = layers().table({.fold = false});
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 1 + 33);
  EXPECT_THAT(table, AllOf(HasSubstr("layers.29.w"), Not(HasSubstr("{"))));
}

TEST(LoadReport, WhereSeveralNumbersDifferNoCombinationIsClaimed) {
  LoadReport report("m", "x");
  for (const char* name : {"a.0.b.0", "a.1.b.5"}) report.add({LoadFate::kMatched, name, "[1]", "[1] F32", ""});
  EXPECT_THAT(report.table(), HasSubstr("2  a.*.b.*"));
}

TEST(LoadReport, TensorsOfDifferentShapesAreNotFolded) {
  LoadReport report("m", "x");
  report.add({LoadFate::kUnexpected, "a.0", "", "[1] F32", ""});
  report.add({LoadFate::kUnexpected, "a.1", "", "[2] F32", ""});
  EXPECT_THAT(report.table(), AllOf(HasSubstr("1  a.0"), HasSubstr("1  a.1")));
}

TEST(LoadReport, ALongTableShowsEveryKindAndSaysHowMuchIsLeftOut) {
  LoadReport report("m", "x");
  report.add({LoadFate::kUnexpected, "w", "", "[1] F32", ""});
  for (char c = 'a'; c <= 'z'; ++c) report.add({LoadFate::kMissing, std::string(1, c), "[1]", "", ""});
  const auto table = report.table({.most_lines = 5});
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 1 + 5 + 1 + 1);
  EXPECT_THAT(table, HasSubstr("unexpected"));
  EXPECT_THAT(table, HasSubstr("... and 21 more lines"));
}

TEST(LoadReport, CheckThrowsTheProblemsAloneAndKeepsTheWholeReport) {
  const auto check = [] { layers().check(); };
  EXPECT_THAT(check, ThrowsMessage<LoadMismatch>(AllOf(
                         HasSubstr("m.safetensors: its tensors do not fit the decoder: 29 matched, 1 skipped, 1 missing, 1 wrong shape, 1 unexpected\n"),
                         HasSubstr("layers.7.w"), Not(HasSubstr("rotary")), Not(HasSubstr("{0-6")))));
  EXPECT_THAT(load_problems(check),
              testing::UnorderedElementsAre("wrong shape: layers.7.w, expected [4, 4], found [4, 5] F32", "missing: norm, expected [4], found nothing",
                                            "unexpected: extra, expected nothing, found [3] I64"));
}

TEST(LoadReport, WhatFitsIsNotRefused) {
  LoadReport report("m", "x");
  report.add({LoadFate::kMatched, "a", "[1]", "[1] F32", ""});
  report.add({LoadFate::kSkipped, "b", "", "[1] F32", "why"});
  EXPECT_TRUE(report.fits());
  EXPECT_NO_THROW(report.check());
  EXPECT_EQ(report.counts(), "1 matched, 1 skipped");
}

}  // namespace
}  // namespace pal

#include "pal/train/metrics_log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

std::vector<int> steps_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<int> steps;
  for (std::string line; std::getline(file, line);) steps.push_back(nlohmann::json::parse(line)["step"]);
  return steps;
}

void write_steps(MetricsLog& log, int from, int to) {
  for (int step = from; step <= to; ++step) log.write({{"step", step}, {"loss", 1.0 / step}});
}

TEST(MetricsLog, EachLineIsInTheFileAsSoonAsItIsWritten) {
  TemporaryFolder folder;
  MetricsLog log(folder / "metrics.jsonl");
  log.write({{"step", 1}, {"loss", 2.5}});
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), "{\"loss\":2.5,\"step\":1}\n");
}

TEST(MetricsLog, ResumingCutsTheStepsThatAreDoneAgain) {
  TemporaryFolder folder;
  {
    MetricsLog log(folder / "metrics.jsonl");
    write_steps(log, 1, 9);
  }
  MetricsLog log(folder / "metrics.jsonl", 6);
  write_steps(log, 7, 8);
  EXPECT_EQ(steps_in(folder / "metrics.jsonl"), (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(MetricsLog, AFreshRunStartsAFreshHistory) {
  TemporaryFolder folder;
  {
    MetricsLog log(folder / "metrics.jsonl");
    write_steps(log, 1, 3);
  }
  MetricsLog log(folder / "metrics.jsonl");
  write_steps(log, 1, 1);
  EXPECT_EQ(steps_in(folder / "metrics.jsonl"), (std::vector<int>{1}));
}

TEST(MetricsLog, AnUnfinishedLastLineAndALineOfRubbishAreCut) {
  TemporaryFolder folder;
  std::ofstream(folder / "m") << "{\"step\":1}\nrubbish\n{\"loss\":3}\n{\"step\":2}\n{\"step\":3";
  MetricsLog log(folder / "m", 3);
  write_steps(log, 3, 3);
  EXPECT_EQ(steps_in(folder / "m"), (std::vector<int>{1, 2, 3}));
}

TEST(MetricsLog, WhatJsonCannotSayIsNull) {
  TemporaryFolder folder;
  MetricsLog log(folder / "m");
  log.write({{"step", 1}, {"loss", std::nan("")}});
  EXPECT_EQ(read_file(folder / "m"), "{\"loss\":null,\"step\":1}\n");
}

TEST(MetricsLog, AMissingFolderIsNamed) {
  try {
    MetricsLog log("/nowhere/metrics.jsonl");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/metrics.jsonl"), std::string::npos);
  }
}

TEST(MetricsLog, ALineWithoutAStepIsOurMistake) {
  TemporaryFolder folder;
  MetricsLog log(folder / "m");
  EXPECT_THROW(log.write({{"loss", 1.0}}), std::logic_error);
  EXPECT_THROW(log.write({{"step", 1.5}}), std::logic_error);
}

}  // namespace
}  // namespace pal

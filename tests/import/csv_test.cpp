#include "pal/import/csv.h"

#include <gtest/gtest.h>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using Row = std::pair<std::string, std::string>;

// Columns a and b of every row.
std::vector<Row> read(const std::string& text, const CsvFormat& format = {}) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "t.csv", text);
  std::vector<Row> rows;
  read_csv(folder / "t.csv", format, {"a", "b"}, [&](const CsvRow& row) { rows.emplace_back(row["a"], row["b"]); });
  return rows;
}

std::string problem_of(const std::string& text) {
  try {
    read(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no problem";
}

TEST(Csv, ReadsWhatRfc4180Describes) {
  const std::vector<Row> expected = {{"1", "2"}, {"x, y", "say \"no\""}, {"two\nlines", ""}, {"", "\xc3\xa4"}};
  const std::string text = "a,b\n1,2\n\"x, y\",\"say \"\"no\"\"\"\n\"two\nlines\",\n,\"\xc3\xa4\"\n";
  EXPECT_EQ(read(text), expected);
  EXPECT_EQ(read("\xef\xbb\xbf" + text), expected);                       // with a byte order mark
  EXPECT_EQ(read(text.substr(0, text.size() - 1)), expected);             // without the last line's end
  EXPECT_EQ(read("b,c,a\r\n2,3,1\r\n"), (std::vector<Row>{{"1", "2"}}));  // Windows; by the columns' names
}

TEST(Csv, TabsCommentsSpacesAndTablesWithoutNames) {
  EXPECT_EQ(read("# made 2017, by x\n1, \"2,3\" \n\n4,  5\n", {.names = {"a", "b"}, .comment = '#'}), (std::vector<Row>{{"1", "2,3"}, {"4", "5"}}));
  EXPECT_EQ(read("1\t2 3\tmore\n", {.delimiter = '\t', .names = {"a", "b"}}), (std::vector<Row>{{"1", "2 3"}}));
  EXPECT_EQ(read("a,b\n5\" pipe,x\n"), (std::vector<Row>{{"5\" pipe", "x"}}));
}

TEST(Csv, BadRowsAreNamedByTheirLines) {
  EXPECT_NE(problem_of("a,c\n1,2\n").find("t.csv:1: no column 'b'; there are: a, c"), std::string::npos);
  const auto short_row = problem_of("a,b\n\"two\nlines\",2\n3\n1,2\n1,2,3\n");
  EXPECT_NE(short_row.find("t.csv:4: expected 2 fields, got 1"), std::string::npos) << short_row;
  EXPECT_NE(short_row.find("t.csv:6: expected 2 fields, got 3"), std::string::npos) << short_row;
  EXPECT_NE(problem_of("a,b\n1,2\n1,\"x\n3,4\n").find("t.csv:3: a quoted field that begins in this row does not end"), std::string::npos);
  EXPECT_NE(problem_of(std::string("a,b\n1,\0\n", 8)).find("t.csv:2: a zero byte"), std::string::npos);
  EXPECT_NE(problem_of("a,b\n\"" + std::string(2 << 20, 'x') + "\",1\n").find("t.csv:2: a row of more than 1048576 bytes"), std::string::npos);
  EXPECT_NE(problem_of("a,b\n").find("holds no rows"), std::string::npos);
  EXPECT_NE(problem_of("").find("holds no rows"), std::string::npos);
}

TEST(Csv, WhatTheCallerFindsWrongIsNamedByItsRowAndTheRestIsRead) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "t.csv", "a,b\n1,2\n,3\n4,5\n");
  int rows = 0;
  try {
    read_csv(folder / "t.csv", {}, {}, [&](const CsvRow& row) {
      ++rows;
      row.required("a");
    });
    FAIL() << "no problem";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("t.csv:3: 'a' is empty"), std::string::npos) << error.what();
  }
  EXPECT_EQ(rows, 3);
  EXPECT_THROW(read_csv(folder / "none.csv", {}, {}, [](const CsvRow&) {}), UserError);
  EXPECT_THROW(read_csv(folder.path(), {}, {}, [](const CsvRow&) {}), UserError);
}

}  // namespace
}  // namespace pal

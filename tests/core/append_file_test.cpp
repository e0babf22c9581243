#include "pal/core/append_file.h"

#include <gmock/gmock.h>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"
#include "support/most_bytes.h"

namespace pal {
namespace {

TEST(AppendFile, APieceIsThereAtOnceBehindWhatWasThere) {
  TemporaryFolder folder;
  const auto path = folder / "f";
  AppendFile(path).append("one\n");
  AppendFile file(path);
  file.append("two\n");
  EXPECT_EQ(read_file(path), "one\ntwo\n");
}

TEST(AppendFile, WhatDoesNotFitWaitsWholeAndFollowsInOrder) {
  TemporaryFolder folder;
  const auto path = folder / "f";
  AppendFile file(path);
  file.append("first\n");
  {
    const MostBytes full(10);
    file.append("second\n");  // 4 of its bytes would fit
    file.append("third\n");
    EXPECT_EQ(read_file(path), "first\n");
    EXPECT_THROW(file.finish(), UserError);
    EXPECT_EQ(read_file(path), "first\n");
  }
  file.append("fourth\n");
  EXPECT_EQ(read_file(path), "first\nsecond\nthird\nfourth\n");
  file.finish();
}

TEST(AppendFile, WhatStillWaitsIsWrittenWhenFinished) {
  TemporaryFolder folder;
  AppendFile file(folder / "f");
  {
    const MostBytes full(2);
    file.append("first\n");
  }
  file.finish();
  EXPECT_EQ(read_file(folder / "f"), "first\n");
}

TEST(AppendFile, AFileThatCannotBeMadeIsNamed) {
  try {
    AppendFile file("/nowhere/f");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("/nowhere/f: cannot be written: No such file"));
  }
}

}  // namespace
}  // namespace pal

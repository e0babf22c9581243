#include "pal/core/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "pal/core/check.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

TEST(Files, AnAtomicWriteThatFailsLeavesTheOldContent) {
  TemporaryFolder folder;
  const auto path = folder / "a.txt";
  write_file_atomically(path, "old");
  EXPECT_THROW(write_file_atomically(path, [](std::ostream& out) { out << "new"; throw UserError("stop"); }), UserError);
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Files, ReadingWhatIsMissingNamesTheFile) {
  try {
    read_file("/nowhere/at/all.txt");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/at/all.txt"), std::string::npos);
  }
}

TEST(Files, Sha256IsTheStandardOne) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Files, Sha256OfWhatCannotBeReadToItsEndIsAnErrorThatNamesIt) {
  TemporaryFolder folder;  // can be opened, and not read
  EXPECT_THAT([&] { sha256_of_file(folder.path()); }, testing::ThrowsMessage<UserError>(testing::HasSubstr(folder.path().string())));
}

}  // namespace
}  // namespace pal

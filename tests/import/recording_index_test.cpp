#include "pal/import/recording_index.h"

#include <gtest/gtest.h>

#include <fstream>

#include "pal/core/check.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {
namespace fs = std::filesystem;

void touch(const fs::path& path) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "x";
}

TEST(RecordingIndex, FindsRecordingsOfEveryFormatInAnyFolder) {
  const TemporaryFolder folder;
  for (const char* name : {"a.wav", "x/y/b.FLAC", "x/-c_30.000_40.000.ogg", "d.mp3", "e.opus", "notes.txt", "f.wav.part"}) touch(folder / name);
  const RecordingIndex index(folder.path());
  EXPECT_EQ(index.size(), 5);
  ASSERT_NE(index.find("b"), nullptr);
  EXPECT_EQ(*index.find("b"), "x/y/b.FLAC");
  ASSERT_NE(index.find("-c_30.000_40.000"), nullptr);
  EXPECT_EQ(index.find("notes"), nullptr);
  EXPECT_EQ(index.find("f"), nullptr);
  EXPECT_EQ(index.find("a.wav"), nullptr);
}

TEST(RecordingIndex, OfOneNameTheFirstPathIsTakenAndTheOthersAreCounted) {
  const TemporaryFolder folder;
  for (const char* name : {"z/a.wav", "b/a.wav", "b/a.flac"}) touch(folder / name);
  const RecordingIndex index(folder.path());
  EXPECT_EQ(*index.find("a"), "b/a.flac");
  EXPECT_EQ(index.duplicates(), 2);
}

TEST(RecordingIndex, TheFolderMayBeALinkButNoLinkLeadsOutOfIt) {
  const TemporaryFolder folder, outside;
  touch(outside / "secret.wav");
  touch(folder / "real/a.wav");
  fs::create_directory_symlink(outside.path(), folder / "real/out");
  fs::create_symlink("nowhere.wav", folder / "real/dead.wav");
  fs::create_directory_symlink(folder / "real", folder / "link");
  const RecordingIndex index(folder / "link");
  EXPECT_NE(index.find("a"), nullptr);
  EXPECT_EQ(index.find("secret"), nullptr);
  EXPECT_EQ(index.find("dead"), nullptr);
  EXPECT_THROW(RecordingIndex(folder / "none"), UserError);
}

}  // namespace
}  // namespace pal

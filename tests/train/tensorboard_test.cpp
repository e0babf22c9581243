#include "pal/train/tensorboard.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"
#include "support/most_bytes.h"

namespace pal {
namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += char(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (unsigned char byte : bytes) hex += fmt::format("{:02x}", byte);
  return hex;
}

// The payloads of a TFRecord file, every checksum tested.
std::vector<std::string> records_of(const std::string& file) {
  std::vector<std::string> records;
  for (std::size_t at = 0; at < file.size();) {
    std::uint64_t length = 0;
    std::memcpy(&length, file.data() + at, 8);
    const std::string payload = file.substr(at + 12, length);
    EXPECT_EQ(file.substr(at, 16 + length), tfrecord(payload));
    records.push_back(payload);
    at += 16 + length;
  }
  return records;
}

TEST(Tensorboard, Crc32cGivesTheVectorsOfRfc3720) {
  std::string rising, falling;
  for (int i = 0; i < 32; ++i) rising += char(i), falling += char(31 - i);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c(rising), 0x46dd794eu);
  EXPECT_EQ(crc32c(falling), 0x113fdb5cu);
  EXPECT_EQ(crc32c(from_hex("01c00000000000000000000000000000140000000000040000000014000000182800000000000000"
                            "0200000000000000")),
            0xd9963a56u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
}

TEST(Tensorboard, AFrameHasLengthPayloadAndBothMaskedChecksums) {
  // Written by tensorboard 2.21's RecordWriter.
  EXPECT_EQ(to_hex(tfrecord("hello")), "0500000000000000eab2043e68656c6c6fbb1f1c19");
}

TEST(Tensorboard, EventsAreTheBytesThatProtobufWrites) {
  // Event.SerializeToString() of tensorboard 2.21 for the same values.
  EXPECT_EQ(to_hex(version_event(1.5)), "09000000000000f83f1a0d627261696e2e4576656e743a32");
  EXPECT_EQ(to_hex(restart_event(1.5, 301)), "09000000000000f83f10ad023a020801");
  EXPECT_EQ(to_hex(scalar_event(1.5, 300, {{"train/loss", 2.25}, {"rate", -1e-3}})),
            "09000000000000f83f10ac022a200a110a0a747261696e2f6c6f737315000010400a0b0a0472617465156f1283ba");
}

TEST(Tensorboard, AFileHoldsItsVersionAndOneEventAStep) {
  TemporaryFolder folder;
  TensorboardLog log(folder / "tensorboard");
  log.write(1, {{"loss", 3.0}});
  log.write(2, {{"loss", 2.0}, {"rate", 0.5}});
  EXPECT_EQ(log.path().filename().string().rfind("events.out.tfevents.", 0), 0u);
  const auto records = records_of(read_file(log.path()));  // before the log is closed: every write is flushed
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].substr(9), version_event(0).substr(9));  // 9 bytes: the wall time
  EXPECT_EQ(records[1].substr(9), scalar_event(0, 1, {{"loss", 3.0}}).substr(9));
  EXPECT_EQ(records[2].substr(9), scalar_event(0, 2, {{"loss", 2.0}, {"rate", 0.5}}).substr(9));
}

TEST(Tensorboard, AResumedRunDropsTheStepsThatAreDoneAgainAndKeepsTheOldFile) {
  TemporaryFolder folder;
  TensorboardLog first(folder.path()), resumed(folder.path(), 6);
  EXPECT_NE(first.path(), resumed.path());
  EXPECT_LT(first.path(), resumed.path());  // TensorBoard reads in this order
  const auto records = records_of(read_file(resumed.path()));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].substr(9), restart_event(0, 7).substr(9));
}

TEST(Tensorboard, EventsThatWaitForAFullDiskAreWrittenAtTheEnd) {
  TemporaryFolder folder;
  TensorboardLog log(folder.path());
  {
    MostBytes full(std::filesystem::file_size(log.path()));
    log.write(1, {{"loss", 3.0}});
    EXPECT_THROW(log.finish(), UserError);
  }
  log.finish();
  EXPECT_EQ(records_of(read_file(log.path())).size(), 2u);
}

TEST(Tensorboard, AFolderThatCannotBeMadeIsNamed) {
  try {
    TensorboardLog log("/dev/null/events");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("/dev/null/events"), std::string::npos);
  }
}

}  // namespace
}  // namespace pal

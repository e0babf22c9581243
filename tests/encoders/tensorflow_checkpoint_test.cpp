#include "pal/encoders/tensorflow_checkpoint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <span>

#include "../../src/encoders/crc32c.h"
#include "audio/recording.h"
#include "foreign_files.h"
#include "pal/core/check.h"
#include "pal/core/random.h"
#include "pal/encoders/convert.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {
namespace fs = std::filesystem;

std::uint32_t masked(const std::string& bytes) { return masked_crc32c(std::as_bytes(std::span(bytes))); }

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += char(value | 0x80);
  return bytes + char(value);
}

std::string number_field(int field, std::uint64_t value) {
  return varint(std::uint64_t(field) << 3) + varint(value);
}
std::string bytes_field(int field, const std::string& bytes) {
  return varint(std::uint64_t(field) << 3 | 2) + varint(bytes.size()) + bytes;
}

std::string table_entry(const std::string& key, const std::string& value) {
  return varint(0) + varint(key.size()) + varint(value.size()) + key + value;
}

struct Checkpoint {
  std::string index, data;
  std::size_t first_block = 0;  // bytes of the index's block of tensors, with its trailer
};

// What may be wrong with a checkpoint although its checksums are right.
struct CheckpointFlaws {
  std::uint64_t shards = 1, dtype = 1, extra_offset = 0, extra_size = 0;
  std::int64_t extra_dimension = 0;
  bool twice = false, sliced = false, compressed = false;
};

std::string block_with_trailer(std::string entries, bool compressed = false) {
  entries += raw(std::uint32_t{0}) + raw(std::uint32_t{1});  // one restart, at 0
  entries += char(compressed ? 1 : 0);
  return entries + raw(masked(entries));
}

Checkpoint make_checkpoint(const TensorMap& tensors, const CheckpointFlaws& flaws = {}) {
  Checkpoint checkpoint;
  std::string entries = table_entry("", number_field(1, flaws.shards) + number_field(2, 0));
  for (const auto& [name, tensor] : tensors) {
    std::string shape;
    for (const auto size : tensor.sizes())
      shape += bytes_field(2, number_field(1, std::uint64_t(size + flaws.extra_dimension)));
    const std::string values = values_of(tensor);
    std::string entry = number_field(1, flaws.dtype) + bytes_field(2, shape) +
                        number_field(4, checkpoint.data.size() + flaws.extra_offset) +
                        number_field(5, values.size() + flaws.extra_size) + varint(6 << 3 | 5) +
                        raw(masked(values));
    if (flaws.sliced) entry += bytes_field(7, "");
    checkpoint.data += values;
    entries += table_entry(name, entry);
    if (flaws.twice) entries += table_entry(name, entry);
  }
  const std::string block = block_with_trailer(entries, flaws.compressed);
  checkpoint.first_block = block.size();
  const std::string handle = varint(0) + varint(block.size() - 5);
  const std::string index_block = block_with_trailer(table_entry("z", handle));
  std::string footer = varint(0) + varint(0) + varint(block.size()) + varint(index_block.size() - 5);
  footer.resize(40, '\0');
  checkpoint.index = block + index_block + footer + raw(std::uint64_t{0xdb4775248b80fb57});
  return checkpoint;
}

std::string write_checkpoint(const fs::path& prefix, const Checkpoint& checkpoint) {
  write_bytes(prefix.string() + ".index", checkpoint.index);
  write_bytes(prefix.string() + ".data-00000-of-00001", checkpoint.data);
  return prefix.string();
}

TensorMap some_tensors() {
  return {{"layer/kernel", torch::arange(24, torch::kFloat32).view({2, 3, 4})},
          {"layer/scalar", torch::tensor(2.5f)}};
}

TEST(TensorFlowCheckpoint, TheChecksumIsCastagnolis) {  // RFC 3720, B.4
  const std::string zeros(32, '\0');
  EXPECT_EQ(crc32c(std::as_bytes(std::span(zeros))), 0x8a9136aau);
}

TEST(TensorFlowCheckpoint, IsRead) {
  const TemporaryFolder folder;
  const auto tensors =
      read_tensorflow_checkpoint(write_checkpoint(folder / "v", make_checkpoint(some_tensors())));
  ASSERT_EQ(tensors.size(), 2u);
  for (const auto& [name, tensor] : some_tensors())
    EXPECT_TRUE(torch::equal(tensors.at(name), tensor)) << name;
}

TEST(TensorFlowCheckpoint, WhatIsWrongIsNamed) {
  const TemporaryFolder folder;
  struct Case {
    CheckpointFlaws flaws;
    const char* message;
  };
  for (const Case& test :
       {Case{{.shards = 2}, "a checkpoint with one data file was expected, got 2"},
        Case{{.extra_offset = 1}, "layer/kernel: damaged: the checksum of its values is wrong"},
        Case{{.extra_offset = 1ull << 63}, "layer/kernel: damaged or cut short"},
        Case{{.extra_size = 4}, "layer/kernel: damaged: its shape takes 96 bytes, but it has 100"},
        Case{{.extra_size = 1ull << 40}, "layer/kernel: damaged: its shape takes 96 bytes"},
        Case{{.extra_dimension = 1ll << 62}, "layer/kernel: damaged: an impossible dimension"},
        Case{{.extra_dimension = -9}, "layer/kernel: damaged: an impossible dimension -7"},
        Case{{.twice = true}, "layer/kernel: damaged: is there twice"},
        Case{{.sliced = true}, "layer/kernel: a whole tensor in the first data file was expected"},
        Case{{.compressed = true}, "a compressed table was found"}}) {
    const std::string prefix = write_checkpoint(folder / "v", make_checkpoint(some_tensors(), test.flaws));
    EXPECT_THAT(message_of([&] { read_tensorflow_checkpoint(prefix); }),
                testing::AllOf(testing::StartsWith(prefix + ".index"), testing::HasSubstr(test.message)));
  }
  EXPECT_THAT(message_of([&] { read_tensorflow_checkpoint((folder / "absent").string()); }),
              testing::HasSubstr("absent.index"));
  const std::string ints = write_checkpoint(folder / "v", make_checkpoint(some_tensors(), {.dtype = 9}));
  EXPECT_TRUE(read_tensorflow_checkpoint(ints).empty());  // other types are left out
}

TEST(TensorFlowCheckpoint, NoDamageGoesUnnoticedOrCrashes) {
  const TemporaryFolder folder;
  const Checkpoint whole = make_checkpoint(some_tensors());
  for (std::size_t length = 0; length < whole.index.size(); ++length) {
    const auto prefix = write_checkpoint(folder / "v", {whole.index.substr(0, length), whole.data, 0});
    EXPECT_THROW(read_tensorflow_checkpoint(prefix), UserError) << length;
  }
  for (std::size_t length = 0; length < whole.data.size(); length += 7) {
    const auto prefix = write_checkpoint(folder / "v", {whole.index, whole.data.substr(0, length), 0});
    EXPECT_THROW(read_tensorflow_checkpoint(prefix), UserError) << length;
  }
  const std::size_t tables =
      whole.index.size() - 48;  // before the footer, whose padding and meta handle mean nothing
  for (std::size_t at = 0; at < tables; ++at) {
    for (const char flip : {1, -128}) {
      auto index = whole.index;
      index[at] = char(index[at] ^ flip);
      EXPECT_THROW(read_tensorflow_checkpoint(write_checkpoint(folder / "v", {index, whole.data, 0})),
                   UserError)
          << at;
    }
  }
  auto data = whole.data;
  data[50] = char(data[50] ^ 4);
  EXPECT_THROW(read_tensorflow_checkpoint(write_checkpoint(folder / "v", {whole.index, data, 0})), UserError);
}

TEST(TensorFlowCheckpoint, AKeyMayShareNoMoreThanTheOneBeforeHas) {
  const TemporaryFolder folder;
  Checkpoint checkpoint = make_checkpoint(some_tensors());
  checkpoint.index[0] = 5;  // the first entry's shared bytes
  const std::size_t checksum_at = checkpoint.first_block - 4;
  checkpoint.index.replace(checksum_at, 4, raw(masked(checkpoint.index.substr(0, checksum_at))));
  const auto prefix = write_checkpoint(folder / "v", checkpoint);
  EXPECT_THAT(message_of([&] { read_tensorflow_checkpoint(prefix); }),
              testing::HasSubstr("damaged: a key shares 5 bytes with one of 0"));
}

// Damage that a hostile writer covers with right checksums: any table may be claimed, and none may crash the
// reader.
TEST(TensorFlowCheckpoint, HostileTablesEndInAMessage) {
  const TemporaryFolder folder;
  RandomStream random(5);
  const Checkpoint whole = make_checkpoint(some_tensors());
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    auto index = whole.index;
    const std::size_t checksum_at = whole.first_block - 4;
    for (int change = 0; change < 3; ++change) index[random.below(checksum_at)] = char(random.below(256));
    index.replace(checksum_at, 4, raw(masked(index.substr(0, checksum_at))));
    try {
      read_tensorflow_checkpoint(write_checkpoint(folder / "v", {index, whole.data, 0}));
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);  // most changes matter
}

// ---- YAMNet

// The layers' real shapes, with values that tell every element from every other.
TensorMap yamnet_checkpoint() {
  TensorMap tensors;
  float next = 0;
  const auto put = [&](int layer, const std::string& part, c10::IntArrayRef shape) {
    const auto count = c10::multiply_integers(shape);
    tensors[fmt::format("root/layer_with_weights-{}/{}/.ATTRIBUTES/VARIABLE_VALUE", layer, part)] =
        torch::arange(count, torch::kFloat32).add(next).view(shape);
    next += float(count % 1000);
  };
  const auto norm = [&](int layer, std::int64_t width) {
    for (const char* part : {"beta", "moving_mean", "moving_variance"}) put(layer, part, {width});
  };
  put(0, "kernel", {3, 3, 1, 32});
  norm(1, 32);
  std::int64_t channels = 32;
  int layer = 2;
  for (const std::int64_t width : {64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024}) {
    put(layer, "depthwise_kernel", {3, 3, channels, 1});
    norm(layer + 1, channels);
    put(layer + 2, "kernel", {1, 1, channels, width});
    norm(layer + 3, width);
    channels = width;
    layer += 4;
  }
  put(54, "kernel", {1024, 521});
  put(54, "bias", {521});
  return tensors;
}

TEST(YamnetCheckpoint, LayersAreGivenCleanNamesAndTorchsLayout) {
  const TemporaryFolder folder;
  const auto from = yamnet_checkpoint();
  const auto to = yamnet_from_tensorflow(write_checkpoint(folder / "v", make_checkpoint(from)));
  EXPECT_EQ(to.size(), 110u);
  const auto source = [&](const std::string& name) {
    return from.at("root/layer_with_weights-" + name + "/.ATTRIBUTES/VARIABLE_VALUE");
  };
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      EXPECT_TRUE(torch::equal(to.at("stem.weight").select(3, column).select(2, row).squeeze(1),
                               source("0/kernel")[row][column][0]));
      EXPECT_TRUE(
          torch::equal(to.at("blocks.12.depthwise.weight").select(3, column).select(2, row).squeeze(1),
                       source("50/depthwise_kernel")[row][column].squeeze(1)));
    }
  }
  EXPECT_TRUE(torch::equal(to.at("blocks.3.pointwise.weight").flatten(1), source("16/kernel")[0][0].t()));
  EXPECT_TRUE(torch::equal(to.at("blocks.3.pointwise.variance"), source("17/moving_variance")));
  EXPECT_TRUE(torch::equal(to.at("classifier.weight"), source("54/kernel").t()));
}

TEST(YamnetCheckpoint, WhatIsMissingOrMisshapenIsNamed) {
  const TemporaryFolder folder;
  const auto message = [&](const TensorMap& tensors) {
    const auto prefix = write_checkpoint(folder / "v", make_checkpoint(tensors));
    return message_of([&] { yamnet_from_tensorflow(prefix); });
  };
  EXPECT_THAT(message(some_tensors()), testing::HasSubstr("YAMNet was expected, but there is no tensor"));
  auto tensors = yamnet_checkpoint();
  tensors["root/layer_with_weights-3/beta/.ATTRIBUTES/VARIABLE_VALUE"] = torch::zeros({7});
  EXPECT_THAT(message(tensors),
              testing::HasSubstr(
                  "root/layer_with_weights-3/beta/.ATTRIBUTES/VARIABLE_VALUE: has shape [7], expected [32]"));
  tensors.erase("root/layer_with_weights-3/beta/.ATTRIBUTES/VARIABLE_VALUE");
  EXPECT_THAT(message(tensors),
              testing::HasSubstr("root/layer_with_weights-3/beta/.ATTRIBUTES/VARIABLE_VALUE: is missing"));
}

}  // namespace
}  // namespace pal

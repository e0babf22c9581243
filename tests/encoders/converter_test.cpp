// The readers of foreign weights, on files that the tests write, whole and damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <span>

#include "../../src/encoders/crc32c.h"
#include "audio/recording.h"
#include "pal/core/check.h"
#include "pal/core/random.h"
#include "pal/encoders/convert.h"
#include "pal/encoders/ctranslate2.h"
#include "pal/encoders/tensorflow_checkpoint.h"
#include "support/temporary_folder.h"

namespace pal {
namespace {
namespace fs = std::filesystem;

template <typename Number>
std::string raw(Number value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string values_of(const torch::Tensor& tensor) {
  const auto contiguous = tensor.contiguous();
  return {static_cast<const char*>(contiguous.data_ptr()), std::size_t(contiguous.nbytes())};
}

std::uint32_t masked(const std::string& bytes) { return masked_crc32c(std::as_bytes(std::span(bytes))); }

template <typename Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

// ---- TensorFlow checkpoints

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

// Damage that a hostile writer covers with right checksums: any table may be claimed, and none may crash the reader.
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

// ---- CTranslate2

std::string counted_name(const std::string& name) {
  return raw(std::uint16_t(name.size() + 1)) + name + '\0';
}

std::string variable(const std::string& name, const torch::Tensor& tensor) {
  const std::map<torch::ScalarType, std::uint8_t> kinds = {
      {torch::kFloat32, 0}, {torch::kInt8, 1}, {torch::kInt16, 2}, {torch::kInt32, 3}, {torch::kFloat16, 4}};
  std::string bytes = counted_name(name) + raw(std::uint8_t(tensor.dim()));
  for (const auto size : tensor.sizes()) bytes += raw(std::uint32_t(size));
  const std::string values = values_of(tensor);
  return bytes + raw(kinds.at(tensor.scalar_type())) + raw(std::uint32_t(values.size())) + values;
}

std::string make_model(const TensorMap& variables, const std::string& spec = "WhisperSpec",
                       std::uint32_t version = 6) {
  std::string bytes =
      raw(version) + counted_name(spec) + raw(std::uint32_t{3}) + raw(std::uint32_t(variables.size()));
  for (const auto& [name, tensor] : variables) bytes += variable(name, tensor);
  return bytes + raw(std::uint32_t{0});  // no aliases
}

TensorMap whisper_variables() {
  const auto half = [](c10::IntArrayRef shape) { return torch::randn(shape).to(torch::kFloat16); };
  auto bias = half({192});
  bias.slice(0, 64, 128).zero_();
  const std::string layer = "encoder/layer_0/";
  return {{"encoder/conv1/weight", half({64, 80, 3})},
          {"encoder/conv1/bias", half({64})},
          {"encoder/conv2/weight", half({64, 64, 3})},
          {"encoder/conv2/bias", half({64})},
          {"encoder/num_heads", torch::tensor(1, torch::kInt16)},
          {"encoder/position_encodings/encodings", half({1500, 64})},
          {layer + "self_attention/layer_norm/gamma", half({64})},
          {layer + "self_attention/layer_norm/beta", half({64})},
          {layer + "self_attention/linear_0/weight", half({192, 64})},
          {layer + "self_attention/linear_0/bias", bias},
          {layer + "self_attention/linear_1/weight", half({64, 64})},
          {layer + "self_attention/linear_1/bias", half({64})},
          {layer + "ffn/layer_norm/gamma", half({64})},
          {layer + "ffn/layer_norm/beta", half({64})},
          {layer + "ffn/linear_0/weight", half({32, 64})},
          {layer + "ffn/linear_0/bias", half({32})},
          {layer + "ffn/linear_1/weight", half({64, 32})},
          {layer + "ffn/linear_1/bias", half({64})},
          {"encoder/layer_norm/gamma", half({64})},
          {"encoder/layer_norm/beta", half({64})},
          {"decoder/anything", half({2})}};
}

TEST(CTranslate2, WhisperIsGivenHuggingFacesNames) {
  const TemporaryFolder folder;
  const auto variables = whisper_variables();
  write_bytes(folder / "model.bin", make_model(variables));
  const auto tensors = whisper_from_ctranslate2(folder / "model.bin");
  EXPECT_EQ(tensors.size(), 5u + 15u + 2u);
  const auto fused = variables.at("encoder/layer_0/self_attention/linear_0/weight");
  const std::string attention = "model.encoder.layers.0.self_attn.";
  EXPECT_TRUE(torch::equal(tensors.at(attention + "q_proj.weight"), fused.slice(0, 0, 64)));
  EXPECT_TRUE(torch::equal(tensors.at(attention + "k_proj.weight"), fused.slice(0, 64, 128)));
  EXPECT_TRUE(torch::equal(tensors.at(attention + "v_proj.weight"), fused.slice(0, 128, 192)));
  EXPECT_FALSE(tensors.contains(attention + "k_proj.bias"));
  EXPECT_TRUE(torch::equal(tensors.at("model.encoder.layers.0.fc2.weight"),
                           variables.at("encoder/layer_0/ffn/linear_1/weight")));
  EXPECT_EQ(tensors.at("model.encoder.conv1.weight").scalar_type(), torch::kFloat16);
}

TEST(CTranslate2, WhatIsWrongIsNamed) {
  const TemporaryFolder folder;
  const std::string path = (folder / "model.bin").string();
  const auto message = [&](const std::string& bytes) {
    write_bytes(path, bytes);
    return message_of([&] { whisper_from_ctranslate2(path); });
  };
  const auto changed = [](const std::function<void(TensorMap&)>& change) {
    auto variables = whisper_variables();
    change(variables);
    return make_model(variables);
  };
  using testing::HasSubstr;
  EXPECT_THAT(message(make_model(whisper_variables(), "TransformerSpec")),
              HasSubstr("a Whisper model (WhisperSpec) was expected"));
  EXPECT_THAT(message(make_model(whisper_variables(), "WhisperSpec", 7)),
              HasSubstr("binary version 4 to 6 was expected, got 7"));
  EXPECT_THAT(message(make_model(whisper_variables()) + "x"), HasSubstr("1 bytes follow the last variable"));
  EXPECT_THAT(message(changed([](TensorMap& v) { v.erase("encoder/layer_norm/beta"); })),
              HasSubstr("encoder/layer_norm/beta: is missing"));
  EXPECT_THAT(message(changed([](TensorMap& v) { v["encoder/extra"] = torch::ones({2}); })),
              HasSubstr("encoder/extra: is unexpected in a Whisper encoder"));
  EXPECT_THAT(message(changed([](TensorMap& v) { v["encoder/conv2/bias"] = torch::ones({3}); })),
              HasSubstr("encoder/conv2/bias: has shape [3], expected [64]"));
  EXPECT_THAT(message(changed([](TensorMap& v) {
                v["encoder/conv2/weight"] = torch::ones({64, 64, 3}, torch::kInt8);
              })),
              HasSubstr("encoder/conv2/weight: is quantised"));
  EXPECT_THAT(
      message(changed([](TensorMap& v) { v["encoder/layer_0/self_attention/linear_0/bias"].fill_(1); })),
      HasSubstr("the keys' bias, should be zero"));
  EXPECT_THAT(
      message(changed([](TensorMap& v) { v["encoder/num_heads"] = torch::tensor(3, torch::kInt16); })),
      HasSubstr("1 heads of 64 were expected for a width of 64, got 3"));
}

TEST(CTranslate2, FilesCutShortOrChangedNeverCrash) {
  const TemporaryFolder folder;
  const fs::path path = folder / "model.bin";
  const std::string whole =
      make_model({{"a/weight", torch::ones({3, 2})}, {"b", torch::ones({2}, torch::kInt8)}});
  write_bytes(path, whole);
  EXPECT_EQ(read_ctranslate2(path).variables.size(), 2u);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write_bytes(path, whole.substr(0, length));
    EXPECT_THROW(read_ctranslate2(path), UserError) << length;
  }
  RandomStream random(7);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {  // lengths and dimensions of up to 2^32: none may be allocated
    auto bytes = whole;
    for (int change = 0; change < 2; ++change) bytes[random.below(bytes.size())] = char(random.below(256));
    write_bytes(path, bytes);
    try {
      read_ctranslate2(path);
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace pal

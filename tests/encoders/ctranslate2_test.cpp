#include "pal/encoders/ctranslate2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <map>

#include "audio/recording.h"
#include "foreign_files.h"
#include "pal/core/check.h"
#include "pal/core/random.h"
#include "pal/encoders/convert.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {
namespace fs = std::filesystem;

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

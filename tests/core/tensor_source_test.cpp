#include "pal/core/tensor_source.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/ggml_type.h"
#include "pal/core/safetensors.h"
#include "support/gguf_builder.h"
#include "support/mutation.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::string message_of(const auto& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

bool same(const torch::Tensor& a, const torch::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.equal(b);
}

TensorMap one_of_each_type() {
  TensorMap tensors;
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16, torch::kInt64,
                          torch::kInt32, torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool}) {
    tensors[std::string("t.") + torch::toString(type)] = torch::arange(-3, 3).reshape({2, 3}).to(type);
  }
  tensors["scalar"] = torch::tensor(2.5);
  tensors["empty"] = torch::zeros({0, 7});
  return tensors;
}

TEST(TensorSource, TensorsOfEveryTypeSurviveSafetensors) {
  TemporaryFolder folder;
  const TensorMap saved = one_of_each_type();
  save_safetensors(folder / "m.safetensors", saved, {{"format", "pt"}});
  const TensorMap loaded = load_safetensors(folder / "m.safetensors");
  const auto source = open_tensors(folder / "m.safetensors");
  ASSERT_EQ(loaded.size(), saved.size());
  for (const auto& [name, tensor] : saved) {
    EXPECT_TRUE(same(loaded.at(name), tensor)) << name;
    EXPECT_TRUE(same(source->load(name), tensor)) << name;
    EXPECT_EQ(source->info(name).shape, tensor.sizes()) << name;
  }
  EXPECT_EQ(SafetensorsFile(folder / "m.safetensors").metadata().at("format"), "pt");
}

TEST(TensorSource, MappedTensorsAreTheFilesAndStayWhenItIsGone) {
  TemporaryFolder folder;
  const TensorMap saved = one_of_each_type();
  save_safetensors(folder / "m.safetensors", saved);
  TensorMap mapped = map_safetensors(folder / "m.safetensors");
  std::filesystem::remove(folder / "m.safetensors");
  EXPECT_EQ(mapped.size(), saved.size());
  for (const auto& [name, tensor] : saved) EXPECT_TRUE(same(mapped.at(name), tensor)) << name;
}

TEST(TensorSource, EqualTensorsGiveEqualBytesWhateverTheirStrides) {
  TemporaryFolder folder;
  const torch::Tensor a = torch::arange(12.0).reshape({3, 4});
  save_safetensors(folder / "a", {{"x", a}, {"y", a.slice(1, 1, 3).contiguous()}});
  save_safetensors(folder / "b", {{"x", a.t().contiguous().t()}, {"y", a.slice(1, 1, 3)}});
  EXPECT_EQ(read_file(folder / "a"), read_file(folder / "b"));
  EXPECT_TRUE(same(load_safetensors(folder / "b").at("y"), a.slice(1, 1, 3)));
}

TEST(TensorSource, WhatSafetensorsCannotHoldIsRefused) {
  TemporaryFolder folder;
  const TensorMap tensors{{"c", torch::zeros({2}, torch::kComplexFloat)}};
  EXPECT_THAT([&] { save_safetensors(folder / "m", tensors); },
              ThrowsMessage<UserError>(HasSubstr("tensor 'c'")));
  EXPECT_FALSE(std::filesystem::exists(folder / "m"));
}

TEST(TensorSource, LoadedTensorsOutliveTheirFile) {
  TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"x", torch::ones({1000})}});
  torch::Tensor loaded = open_tensors(folder / "m.safetensors")->load("x");
  std::filesystem::remove(folder / "m.safetensors");
  loaded.mul_(2);  // memory of its own: neither gone nor read-only
  EXPECT_EQ(loaded.sum().item<float>(), 2000);
}

TEST(TensorSource, TruthValuesOtherThan0And1AreRefused) {
  TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"mask", torch::ones({4}, torch::kBool)}});
  std::string bytes = read_file(folder / "m.safetensors");
  bytes.back() = '\7';
  write_bytes(folder / "m.safetensors", bytes);
  EXPECT_THAT([&] { load_safetensors(folder / "m.safetensors"); },
              ThrowsMessage<UserError>(HasSubstr("'mask'")));
}

// A folder of two shards, as Hugging Face writes it.
void write_shards(const TemporaryFolder& folder, const std::string& index) {
  save_safetensors(folder / "model-00001-of-00002.safetensors",
                   {{"a", torch::ones({2})}, {"b", torch::zeros({3})}});
  save_safetensors(folder / "model-00002-of-00002.safetensors", {{"c", torch::full({4}, 7.0)}});
  write_bytes(folder / "model.safetensors.index.json", index);
}

constexpr char kIndex[] = R"({"metadata": {"total_size": 36}, "weight_map": {
    "a": "model-00001-of-00002.safetensors", "b": "model-00001-of-00002.safetensors",
    "c": "model-00002-of-00002.safetensors"}})";

TEST(TensorSource, ShardsReadAsOne) {
  TemporaryFolder folder;
  write_shards(folder, kIndex);
  for (const auto& path : {folder.path(), folder / "model.safetensors.index.json"}) {
    const auto source = open_tensors(path);
    EXPECT_THAT(source->names(), ElementsAre("a", "b", "c"));
    EXPECT_TRUE(same(source->load("c"), torch::full({4}, 7.0)));
    EXPECT_THAT(source->info("b").shape, ElementsAre(3));
    EXPECT_THAT(source->describe(), HasSubstr("model.safetensors.index.json"));
    EXPECT_FALSE(source->has("d"));
    EXPECT_THAT([&] { source->load("d"); }, ThrowsMessage<UserError>(HasSubstr("no tensor 'd'")));
  }
}

TEST(TensorSource, ShardsThatDoNotFitTheirIndexAreNamed) {
  const auto index = [](const std::string& weight_map) { return R"({"weight_map": )" + weight_map + "}"; };
  const std::string first = "\"model-00001-of-00002.safetensors\"",
                    second = "\"model-00002-of-00002.safetensors\"";
  const std::pair<std::string, const char*> cases[] = {
      {index(R"({"a": "gone.safetensors"})"), "gone.safetensors: is missing"},
      {index(R"({"a": )" + second + "}"), "00002.safetensors: has no tensor 'a', which"},
      {index(R"({"a": "../a.safetensors"})"),
       "tensor 'a': expected a file in the same folder, got \"../a.safetensors\""},
      {index(R"({"a": ".."})"), "expected a file in the same folder"},
      {index(R"({"a": "/etc/passwd"})"), "expected a file in the same folder"},
      {index(R"({"a": ""})"), "expected a file in the same folder"},
      {index(R"({"a": 1})"), "tensor 'a': expected the name of a file"},
      {index(R"({"a": )" + first + R"(, "a": )" + second + "}"), "\"a\" stands there twice"},
      {index("{}"), "'weight_map' is empty"},
      {index("[]"), "expected an object with 'weight_map'"},
      {"{}", "expected an object with 'weight_map'"},
      {"", "is not valid JSON"},
      {std::string(100'000, '['), "nested more than 16 levels deep"},
  };
  for (const auto& [text, message] : cases) {
    TemporaryFolder folder;
    write_shards(folder, text);
    const std::string found = message_of([&] { open_tensors(folder.path()); });
    EXPECT_THAT(found, HasSubstr(message)) << text.substr(0, 200);
    EXPECT_THAT(found, HasSubstr(folder.path().string()));
  }
}

TEST(TensorSource, ATensorInTwoShardsIsRefused) {
  TemporaryFolder folder;
  write_shards(folder, kIndex);
  save_safetensors(folder / "model-00002-of-00002.safetensors",
                   {{"c", torch::ones({4})}, {"a", torch::ones({2})}});
  const std::string message = message_of([&] { open_tensors(folder.path()); });
  EXPECT_THAT(message, HasSubstr("00002-of-00002.safetensors: tensor 'a' is also in"));
  EXPECT_THAT(message, HasSubstr("00001-of-00002.safetensors"));
}

TEST(TensorSource, AFolderOpensByItsOneFile) {
  TemporaryFolder folder;
  EXPECT_THAT(message_of([&] { open_tensors(folder.path()); }),
              HasSubstr("holds neither model.safetensors nor"));
  save_safetensors(folder / "model.safetensors", {{"x", torch::ones({1})}});
  EXPECT_THAT(open_tensors(folder.path())->names(), ElementsAre("x"));
}

TEST(TensorSource, OtherPathsAreRefused) {
  TemporaryFolder folder;
  write_bytes(folder / "model.bin", "x");
  EXPECT_THAT(message_of([&] { open_tensors(folder / "model.bin"); }), HasSubstr("expected a *.safetensors"));
  EXPECT_THAT(message_of([&] { open_tensors(folder / "gone"); }), HasSubstr("gone: is missing"));
  EXPECT_THAT(message_of([&] { open_tensors(folder / "gone.gguf"); }), HasSubstr("cannot be read"));
}

// A GGUF file of the golden blocks (quantised by gguf-py 0.19.0), one tensor a type.
TEST(TensorSource, GgufTensorsEqualTheGoldenOnesBitForBit) {
  const TensorMap golden = load_safetensors(PAL_SOURCE_DIR "/tests/golden/frontends_gguf.safetensors");
  TemporaryFolder folder;
  GgufBuilder builder;
  for (const std::uint32_t type : {1, 2, 3, 6, 7, 8, 12, 13, 14, 30}) {
    const std::string name = ggml_type_name(type);
    const torch::Tensor bytes = golden.at("gguf_" + name + "_bytes");
    builder.tensors.push_back({name, {256, 4}, type, builder.data.size()});
    builder.data.append(static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes());
    builder.data.resize((builder.data.size() + 31) / 32 * 32);
  }
  write_bytes(folder / "m.gguf", builder.bytes());
  const auto source = open_tensors(folder / "m.gguf");
  ASSERT_EQ(source->names().size(), 10u);
  for (const std::string& name : source->names()) {
    const torch::Tensor loaded = source->load(name), expected = golden.at("gguf_" + name + "_deq");
    EXPECT_THAT(source->info(name).shape, ElementsAre(4, 256));
    EXPECT_EQ(dtype_name(source->info(name).dtype), name == "F16" || name == "BF16" ? name : "F32");
    EXPECT_TRUE(same(loaded.to(torch::kFloat32).view(torch::kInt32), expected.view(torch::kInt32))) << name;
  }
}

// Large enough to be shared among threads: every block must land where it belongs.
TEST(TensorSource, LargeGgufTensorsAreUnpackedWhole) {
  TemporaryFolder folder;
  GgufBuilder builder;
  builder.tensors = {{"t", {1024, 1024}, 8, 0}};
  std::vector<float> expected;
  for (int i = 0; i < 1024 * 32; ++i) {  // Q8_0 with scale 1: block i holds i mod 127 throughout
    builder.data += GgufBytes().number<std::uint16_t>(0x3c00).raw(std::string(32, char(i % 127))).bytes();
    expected.insert(expected.end(), 32, float(i % 127));
  }
  write_bytes(folder / "m.gguf", builder.bytes());
  const torch::Tensor loaded = open_tensors(folder / "m.gguf")->load("t");
  EXPECT_TRUE(same(loaded, torch::tensor(expected).reshape({1024, 1024})));
}

// llama.cpp's permute turns the rows 0..7 of a head of 8 into 0 4 1 5 2 6 3 7 (checked against its conversion script).
TEST(TensorSource, UnpermutingRotaryRowsGivesTheHalfSplitOrder) {
  const torch::Tensor order = torch::tensor({0, 4, 1, 5, 2, 6, 3, 7});
  const torch::Tensor weight = torch::arange(2 * 8 * 3).reshape({2 * 8, 3});  // two heads of 8 rows
  const torch::Tensor permuted =
      torch::cat({weight.index_select(0, order), weight.index_select(0, order + 8)});
  EXPECT_TRUE(same(unpermute_rope_rows(permuted, 2), weight));
  EXPECT_TRUE(same(unpermute_rope_rows(permuted.select(1, 0), 2), weight.select(1, 0)));  // a bias
  EXPECT_THAT([&] { unpermute_rope_rows(weight, 3); },
              ThrowsMessage<UserError>(HasSubstr("3 heads do not divide")));
  EXPECT_THROW(unpermute_rope_rows(weight, 16), UserError);  // heads of one row have no halves
  EXPECT_THROW(unpermute_rope_rows(weight, 0), UserError);
}

TEST(TensorSource, DamagedFilesEitherLoadOrAreRefused) {
  TemporaryFolder folder;
  save_safetensors(folder / "whole", one_of_each_type(), {{"format", "pt"}});
  GgufBuilder builder;
  builder.add_text("general.architecture", "llama");
  builder.tensors = {{"a", {32, 3}, 8, 0}, {"b", {4}, 1, 128}, {"c", {256}, 14, 160}};
  builder.data = std::string(160 + 210, '\1');
  RandomStream random(7);
  for (const auto& [name, whole] :
       {std::pair{"m.safetensors", read_file(folder / "whole")}, {"m.gguf", builder.bytes()}}) {
    int loaded = 0, refused = 0;
    for (int i = 0; i < 1000; ++i) {
      write_bytes(folder / name, i == 0 ? whole : mutated(whole, random));
      const std::string message = message_of([&, file = folder / name] {
        const auto source = open_tensors(file);
        for (const std::string& tensor : source->names()) source->load(tensor);
      });
      EXPECT_TRUE(i > 0 || message.empty()) << message;
      (message.empty() ? loaded : refused)++;
    }
    EXPECT_GT(loaded, 30) << name;
    EXPECT_GT(refused, 300) << name;
  }
}

}  // namespace
}  // namespace pal

#include "pal/core/gguf.h"

#include <gmock/gmock.h>

#include "pal/core/check.h"
#include "pal/core/gguf_dequantize.h"
#include "support/gguf_builder.h"
#include "support/mutation.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

enum Type : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};

std::string list(std::uint32_t type, std::uint64_t count, const std::string& items) {
  return GgufBytes().u32(type).u64(count).raw(items).bytes();
}

// A small file of every kind of value and both kinds of tensor.
GgufBuilder small_file() {
  GgufBuilder file;
  file.add_text("general.architecture", "llama")
      .add_number<std::uint8_t>("u8", kU8, 200)
      .add_number<std::int8_t>("i8", kI8, -3)
      .add_number<std::uint16_t>("u16", kU16, 60000)
      .add_number<std::int16_t>("i16", kI16, -300)
      .add_number<std::uint32_t>("llama.block_count", kU32, 30)
      .add_number<std::int32_t>("i32", kI32, 7)
      .add_number<float>("eps", kF32, 1e-5f)
      .add_number<std::uint8_t>("yes", kBool, 1)
      .add_number<std::uint64_t>("u64", kU64, ~std::uint64_t{0})
      .add_number<std::int64_t>("i64", kI64, -(std::int64_t{1} << 40))
      .add_number<double>("f64", kF64, 0.1)
      .add("tokens", kArray, list(kString, 2, GgufBytes().text("a").text("\xff").bytes()))
      .add("scores", kArray, list(kF32, 2, GgufBytes().number(0.5f).number(-1.f).bytes()))
      .add("types", kArray, list(kI32, 3, GgufBytes().number(1).number(-2).number(3).bytes()))
      .add("flags", kArray, list(kBool, 2, std::string("\1\0", 2)))
      .add("nested", kArray,
           list(kArray, 2, list(kU8, 1, "\5") + list(kString, 1, GgufBytes().text("x").bytes())));
  file.tensors = {{"blk.0.attn_q.weight", {32, 2}, 3, 0}, {"output_norm.weight", {2}, 0, 64}};
  file.data = std::string(72, '\1');
  return file;
}

// "" where the file opens and its tensors unpack, the message where UserError is thrown; anything else fails the test.
std::string message_of_opening(const std::filesystem::path& path) {
  try {
    const GgufFile file(path);
    for (const auto& [name, entry] : file.tensors()) {
      const auto bytes = file.bytes(entry);
      const auto facts = ggml_type_facts(entry.type);
      std::vector<float> values(bytes.size() / facts.bytes * facts.values);
      if (is_quantized(entry.type)) dequantize(entry.type, bytes, values);
    }
    return "";
  } catch (const UserError& error) {
    return error.what();
  }
}

TEST(Gguf, MetadataOfEveryTypeIsRead) {
  TemporaryFolder folder;
  write_bytes(folder / "m.gguf", small_file().bytes());
  const GgufFile file(folder / "m.gguf");
  EXPECT_EQ(file.string("general.architecture"), "llama");
  EXPECT_EQ(file.uint("u8"), 200u);
  EXPECT_EQ(file.real("i8"), -3);
  EXPECT_EQ(file.uint("u16"), 60000u);
  EXPECT_EQ(file.real("i16"), -300);
  EXPECT_EQ(file.uint("llama.block_count"), 30u);
  EXPECT_EQ(file.uint("i32"), 7u);
  EXPECT_EQ(file.real("eps"), double(1e-5f));
  EXPECT_TRUE(file.boolean("yes"));
  EXPECT_EQ(file.uint("u64"), ~std::uint64_t{0});
  EXPECT_EQ(std::get<std::int64_t>(file.metadata().at("i64").value), -(std::int64_t{1} << 40));
  EXPECT_EQ(file.real("f64"), 0.1);
  EXPECT_THAT(file.strings("tokens"), ElementsAre("a", "\xff"));  // vocabularies hold bytes that are no UTF-8
  EXPECT_THAT(file.reals("scores"), ElementsAre(0.5, -1));
  EXPECT_THAT(file.ints("types"), ElementsAre(1, -2, 3));
  EXPECT_EQ(std::get<std::vector<bool>>(file.metadata().at("flags").value), (std::vector<bool>{true, false}));
  const auto& nested = std::get<GgufValue::Nested>(file.metadata().at("nested").value);
  EXPECT_THAT(std::get<std::vector<std::uint64_t>>(nested.at(0).value), ElementsAre(5u));
  EXPECT_THAT(std::get<std::vector<std::string>>(nested.at(1).value), ElementsAre("x"));
}

TEST(Gguf, GettersNameFileKeyAndWhatTheyFound) {
  TemporaryFolder folder;
  const auto path = folder / "m.gguf";
  write_bytes(path, small_file().bytes());
  const GgufFile file(path);
  EXPECT_THAT([&] { file.uint("llama.rope"); },
              ThrowsMessage<UserError>(path.string() + ": has no metadata 'llama.rope'"));
  EXPECT_THAT([&] { file.uint("general.architecture"); },
              ThrowsMessage<UserError>(
                  HasSubstr("'general.architecture': expected a whole number from 0 up, got a text")));
  EXPECT_THAT([&] { file.uint("i8"); }, ThrowsMessage<UserError>(HasSubstr("got a signed whole number")));
  EXPECT_THAT([&] { file.string("u8"); }, ThrowsMessage<UserError>(HasSubstr("expected a text")));
  EXPECT_THAT([&] { file.real("yes"); },
              ThrowsMessage<UserError>(HasSubstr("expected a real number, got a truth")));
  EXPECT_THAT([&] { file.boolean("eps"); }, ThrowsMessage<UserError>(HasSubstr("expected a truth value")));
  EXPECT_THAT([&] { file.strings("scores"); },
              ThrowsMessage<UserError>(HasSubstr("got an array of real numbers")));
  EXPECT_THAT([&] { file.ints("nested"); }, ThrowsMessage<UserError>(HasSubstr("got an array of arrays")));
  EXPECT_EQ(file.optional_uint("absent"), std::nullopt);
  EXPECT_EQ(file.optional_uint("u8"), 200u);
  EXPECT_EQ(file.optional_real("eps"), double(1e-5f));
  EXPECT_EQ(file.optional_boolean("yes"), true);
  EXPECT_EQ(file.optional_string("absent"), std::nullopt);
  EXPECT_THROW(file.optional_string("u8"), UserError);  // absent is fine, wrong is not
  EXPECT_THAT([&] { file.entry("x"); }, ThrowsMessage<UserError>(HasSubstr("no tensor 'x'")));
}

TEST(Gguf, ShapesComeOutermostDimensionFirst) {
  TemporaryFolder folder;
  for (const std::uint32_t version : {2, 3}) {
    GgufBuilder builder = small_file();
    builder.version = version;
    write_bytes(folder / "m.gguf", builder.bytes());
    const GgufFile file(folder / "m.gguf");
    EXPECT_THAT(file.entry("blk.0.attn_q.weight").shape, ElementsAre(2, 32));
    EXPECT_EQ(file.entry("blk.0.attn_q.weight").type, GgmlType::kQ4_1);
    EXPECT_EQ(file.bytes(file.entry("blk.0.attn_q.weight")).size(), 40u);
    EXPECT_EQ(file.bytes(file.entry("output_norm.weight")).size(), 8u);
  }
}

TEST(Gguf, TheDataStartsAtTheDeclaredAlignment) {
  TemporaryFolder folder;
  for (const std::uint32_t alignment : {8u, 256u}) {
    GgufBuilder builder;
    builder.alignment = alignment;
    builder.add_number("general.alignment", kU32, alignment);
    builder.tensors = {{"t", {1}, 0, 0}};
    builder.data = "DATA";
    write_bytes(folder / "m.gguf", builder.bytes());
    const GgufFile file(folder / "m.gguf");
    EXPECT_EQ(std::memcmp(file.bytes(file.entry("t")).data(), "DATA", 4), 0) << alignment;
  }
}

TEST(Gguf, AFileOfMetadataAloneOpens) {  // a vocabulary
  TemporaryFolder folder;
  GgufBuilder builder;
  builder.alignment = 1;  // nothing after the header
  write_bytes(folder / "m.gguf", builder.add_text("a", "b").bytes());
  EXPECT_EQ(GgufFile(folder / "m.gguf").string("a"), "b");
}

struct Corruption {
  std::string bytes;
  std::string message;
};

void expect_refused(const std::vector<Corruption>& cases) {
  TemporaryFolder folder;
  for (const Corruption& c : cases) {
    const auto path = folder / "bad.gguf";
    write_bytes(path, c.bytes);
    const std::string message = message_of_opening(path);
    EXPECT_THAT(message, HasSubstr(c.message));
    EXPECT_THAT(message, HasSubstr(path.string()));
    EXPECT_LT(message.size(), 1500u);
  }
}

TEST(Gguf, CorruptHeadersAreRefused) {
  const auto start = [](std::uint32_t version, std::uint64_t tensors, std::uint64_t metadata) {
    return GgufBytes().raw("GGUF").u32(version).u64(tensors).u64(metadata);
  };
  const auto value = [&](std::uint32_t type, const std::string& bytes) {
    return start(3, 0, 1).text("k").u32(type).raw(bytes).bytes();
  };
  const std::uint64_t huge = std::uint64_t{1} << 60;
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += GgufBytes().u32(kArray).u64(1).bytes();
  expect_refused({
      {"", "is empty"},
      {"GG", "was it cut short?"},
      {"GGJT....", "expected the letters GGUF"},
      {start(1, 0, 0).bytes(), "version 1 is not supported"},
      {start(4, 0, 0).bytes(), "version 4 is not supported"},
      {start(0x03000000, 0, 0).bytes(), "big-endian"},
      {GgufBytes().raw("GGUF").u32(3).u64(0).bytes(), "was it cut short?"},
      {start(3, 0, ~std::uint64_t{0}).bytes(), "metadata 1 of 18446744073709551615: the file ends"},
      {start(3, ~std::uint64_t{0}, 0).bytes(), "tensor 1 of 18446744073709551615: the file ends"},
      {start(3, 0, 1).u64(huge).bytes(), "a text of 1152921504606846976 bytes, but only 0"},
      {start(3, 0, 1).u64(~std::uint64_t{0}).raw("abc").bytes(), "a text of 18446744073709551615 bytes"},
      {start(3, 0, 1).text("").u32(kU8).raw("1").bytes(), "a name is empty"},
      {start(3, 0, 1).text("\xc3\x28").u32(kU8).raw("1").bytes(), "not UTF-8"},
      {start(3, 0, 1).text(std::string("a\0b", 3)).u32(kU8).raw("1").bytes(), "control characters"},
      {start(3, 0, 1).text(std::string(1001, 'a')).u32(kU8).raw("1").bytes(), "over 1000 bytes"},
      {start(3, 0, 2).text("k").u32(kU8).raw("1").text("k").u32(kU8).raw("1").bytes(),
       "'k': stands there twice"},
      {value(13, "12345678"), "'k': unknown value type 13"},
      {value(kU64, "1234"), "metadata 'k': the file ends"},
      {value(kBool, "\2"), "'k': a truth value must be 0 or 1, got 2"},
      {value(kString, GgufBytes().u64(9).raw("12345678").bytes()), "a text of 9 bytes, but only 8"},
      {value(kArray, list(kU32, huge, "1234")), "an array of 1152921504606846976 values, but only 4"},
      {value(kArray, list(kString, huge, "")), "an array of 1152921504606846976 values"},
      {value(kArray, list(kString, 2, std::string(15, '\0'))), "an array of 2 values, but only 15"},
      {value(kArray, list(99, 1, "1")), "an array of unknown value type 99"},
      {value(kArray, list(kArray, huge, "")), "an array of 1152921504606846976 values"},
      {value(kArray, deep), "arrays nested more than 8 deep"},
  });
}

TEST(Gguf, CorruptTensorInfosAreRefusedByName) {
  // One tensor of 8 F32 values at offset 0 of 32 bytes of data, except for what `change` changes.
  const auto with = [](auto change) {
    GgufBuilder builder;
    builder.tensors = {{"t.weight", {8}, 0, 0}};
    builder.data = std::string(32, '\0');
    change(builder);
    return builder.bytes();
  };
  const std::uint64_t huge = std::uint64_t{1} << 60;
  using B = GgufBuilder;
  expect_refused({
      {with([](B& b) { b.tensors[0].name = ""; }), "a name is empty"},
      {with([](B& b) { b.tensors[0].name = "\xff"; }), "not UTF-8"},
      {with([](B& b) { b.tensors[0].dimensions.assign(5, 1); }),
       "tensor 't.weight': 5 dimensions, more than 4"},
      {with([](B& b) { b.tensors[0].dimensions.assign(50'000, 1); }), "50000 dimensions, more than 4"},
      {with([&](B& b) {
         b.tensors[0].dimensions = {huge, huge};
       }),
       "tensor 't.weight': its shape"},
      {with([&](B& b) {
         b.tensors[0].dimensions = {0, huge, huge};
       }),
       "tensor 't.weight': its shape"},
      {with([](B& b) { b.tensors[0].dimensions = {9}; }),
       "'t.weight': lies at bytes 0 to 36, but the file holds only 32"},
      {with([](B& b) { b.data.pop_back(); }), "was it cut short?"},
      {with([](B& b) { b.data.clear(); }), "was it cut short?"},
      {with([](B& b) { b.tensors[0].offset = 32; }), "'t.weight': lies at bytes 32 to 64"},
      {with([](B& b) { b.tensors[0].offset = 4; }), "offset 4 is no multiple of the alignment 32"},
      {with([](B& b) { b.tensors[0].offset = ~std::uint64_t{31}; }), "'t.weight': its offset"},
      {with([](B& b) { b.tensors[0].type = 10; }), "'t.weight': element type Q2_K is not supported"},
      {with([](B& b) { b.tensors[0].type = 39; }), "'t.weight': element type MXFP4 is not supported"},
      {with([](B& b) { b.tensors[0].type = 4; }), "'t.weight': element type number 4 is not supported"},
      {with([](B& b) { b.tensors[0].type = 0xffffffff; }), "element type number 4294967295 is not supported"},
      {with([](B& b) { b.tensors[0].type = 2; }), "'t.weight': rows of 8 values are no multiple of the 32"},
      {with([](B& b) {
         b.tensors[0].dimensions = {32, 8}, b.tensors[0].type = 14;
       }),
       "no multiple of the 256"},
      {with([](B& b) { b.tensors.push_back(b.tensors[0]); }), "'t.weight': stands there twice"},
      {with([](B& b) {
         b.tensors.push_back({"u", {1}, 0, 0});
       }),
       "'t.weight' (bytes 0 to 32) and 'u'"},
      {with([](B& b) { b.add_number("general.alignment", kU32, 0u); }),
       "expected a power of two up to 1048576, got 0"},
      {with([](B& b) { b.add_number("general.alignment", kU32, 48u); }), "expected a power of two"},
      {with([](B& b) { b.add_number("general.alignment", kU64, std::uint64_t{1} << 63); }),
       "expected a power of two"},
      {with([](B& b) { b.add_text("general.alignment", "32"); }),
       "expected a whole number from 0 up, got a text"},
  });
}

TEST(Gguf, DamagedFilesEitherOpenOrAreRefused) {
  TemporaryFolder folder;
  const std::string whole = small_file().bytes();
  write_bytes(folder / "m", whole);
  ASSERT_EQ(message_of_opening(folder / "m"), "");
  RandomStream random(20261123);
  int opened = 0, refused = 0;
  for (int i = 0; i < 3000; ++i) {
    write_bytes(folder / "m", mutated(whole, random));
    (message_of_opening(folder / "m").empty() ? opened : refused)++;
  }
  EXPECT_GT(opened, 100);  // damage to values and names goes unseen
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace pal

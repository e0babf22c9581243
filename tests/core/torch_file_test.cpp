#include "pal/core/torch_file.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <fstream>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/tensor_source.h"
#include "support/mutation.h"
#include "pal/core/temporary_folder.h"
#include "support/torch_file_builder.h"

namespace pal {
namespace {

using namespace pickled;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string values(const torch::Tensor& tensor) {
  const auto contiguous = tensor.contiguous();
  return {static_cast<const char*>(contiguous.data_ptr()), std::size_t(contiguous.nbytes())};
}

class TorchFileTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "m.pt"; }
  std::unique_ptr<TensorSource> open(const std::string& value,
                                     const std::map<std::string, std::string>& storages) const {
    write_torch_file(file(), whole(value), storages);
    return open_tensors(file());
  }
  // What opening the file and loading all of its tensors says.
  std::string message() const {
    try {
      const auto source = open_tensors(file());
      for (const auto& name : source->names()) source->load(name);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }
  std::string message(const std::string& value, const std::map<std::string, std::string>& storages) const {
    write_torch_file(file(), whole(value), storages);
    return message();
  }
  const TemporaryFolder folder_;
  const torch::Tensor six_ = torch::arange(6, torch::kFloat32);
  const std::string float_six_ = storage("FloatStorage", "0", 6);
};

TEST_F(TorchFileTest, TensorsOfEveryTypeAreReadByTheirPathInNestedDicts) {
  const std::vector<std::pair<std::string, torch::ScalarType>> types = {
      {"DoubleStorage", torch::kFloat64}, {"FloatStorage", torch::kFloat32},
      {"HalfStorage", torch::kFloat16},   {"BFloat16Storage", torch::kBFloat16},
      {"LongStorage", torch::kInt64},     {"IntStorage", torch::kInt32},
      {"ShortStorage", torch::kInt16},    {"CharStorage", torch::kInt8},
      {"ByteStorage", torch::kUInt8},     {"BoolStorage", torch::kBool}};
  Items items;
  std::map<std::string, std::string> storages;
  for (const auto& [name, type] : types) {
    storages[name] = values(six_.to(type));
    items.emplace_back(name + ".weight", tensor(storage(name, name, 6), 0, {2, 3}, {3, 1}));
  }
  const auto source = open(dict({{"epoch", integer(3)}, {"model", ordered_dict(items)}}), storages);
  EXPECT_EQ(source->names().size(), types.size());
  for (const auto& [name, type] : types) {
    const auto loaded = source->load("model." + name + ".weight");
    EXPECT_EQ(loaded.scalar_type(), type);
    EXPECT_TRUE(torch::equal(loaded, six_.to(type).view({2, 3}))) << name;
    EXPECT_EQ(source->info("model." + name + ".weight").shape, loaded.sizes()) << name;
  }
  EXPECT_EQ(source->describe(), file().string());
  EXPECT_THAT([&] { source->load("x"); },
              testing::ThrowsMessage<UserError>(HasSubstr("m.pt: has no tensor 'x'")));
}

TEST_F(TorchFileTest, ViewsOfASharedStorageComeOutContiguousAndAlone) {
  const auto source = open(dict({{"all", tensor(float_six_, 0, {6}, {1})},
                                 {"turned", tensor(float_six_, 0, {3, 2}, {1, 3})},
                                 {"part", tensor(float_six_, 1, {2, 2}, {3, 1})},
                                 {"last", tensor(float_six_, 5, {}, {})},
                                 {"none", tensor(float_six_, 0, {0, 3}, {3, 1})}}),
                           {{"0", values(six_)}});
  EXPECT_TRUE(torch::equal(source->load("turned"), six_.view({2, 3}).t()));
  EXPECT_TRUE(source->load("turned").is_contiguous());
  EXPECT_TRUE(torch::equal(source->load("part"), torch::tensor({{1.0f, 2.0f}, {4.0f, 5.0f}})));
  EXPECT_EQ(source->load("part").storage().nbytes(), 16u);  // not the whole storage
  EXPECT_EQ(source->load("last").item<float>(), 5.0f);
  EXPECT_EQ(source->load("none").sizes(), (std::vector<std::int64_t>{0, 3}));
  source->load("all").zero_();
  EXPECT_TRUE(torch::equal(source->load("all"), six_));
}

TEST_F(TorchFileTest, ObjectsOfUnknownClassesArePassedOver) {
  const std::string weight = tensor(float_six_, 0, {6}, {1});
  const std::string parameter =
      call(global("torch._utils", "_rebuild_parameter"),
           tuple({weight, "\x88", call(global("collections", "OrderedDict"), ")")}));
  const std::string object =
      global("omegaconf.dictconfig", "DictConfig") + ")\x81" + dict({{"hidden", weight}}) + "b";
  const std::string number =
      call(global("numpy.core.multiarray", "scalar"), tuple({global("numpy", "dtype"), "C\x01x"}));
  const auto source = open(
      dict({{"cfg", object},
            {"args", global("argparse", "Namespace") + ")\x81" + dict({{"lr", number}}) + "b"},
            {"harm", call(global("os", "system"), tuple({text("touch " + (folder_ / "harm").string())}))},
            {"list", "](" + weight + "e"},
            {"deep", dict({{"a", dict({{"b", parameter}})}})},
            {"derived", dict({{"c", weight}}, global("mine", "Dict") + ")\x81")},
            {"states", "}(" + integer(17) + dict({{"exp_avg", weight}}) + "N" + weight + "u"}}),
      {{"0", values(six_)}});
  EXPECT_THAT(source->names(), ElementsAre("deep.a.b", "derived.c", "states.17.exp_avg"));
  EXPECT_TRUE(torch::equal(source->load("deep.a.b"), six_));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "harm"));
}

TEST_F(TorchFileTest, ElementsOfOtherTypesAreNamedWhereTheyAreAskedFor) {
  const auto source =
      open(dict({{"c", tensor(storage("ComplexFloatStorage", "0", 3), 0, {3}, {1})}}), {{"0", values(six_)}});
  EXPECT_TRUE(source->names().empty());
  EXPECT_THAT([&] { source->load("c"); },
              testing::ThrowsMessage<UserError>(
                  HasSubstr("tensor 'c': elements of torch.ComplexFloatStorage cannot be read")));
}

TEST_F(TorchFileTest, FilesOfOtherFormatsAreNamed) {
  write_bytes(file(), "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
  EXPECT_THAT(message(), AllOf(HasSubstr("m.pt: is a bare pickle, such as PyTorch wrote before 1.6"),
                               HasSubstr("load it with PyTorch and save it again")));
  for (const std::string bytes : {"", "P", "PK\x03\x04", "neither of the two"}) {
    write_bytes(file(), bytes);
    EXPECT_THAT(message(), HasSubstr("m.pt: is no zip file")) << bytes;
  }
  write_zip(file(), {{"other.txt", "x"}});
  EXPECT_THAT(message(), HasSubstr("m.pt: is a zip file without the data.pkl of torch.save()"));
  write_zip(file(), {{"a/byteorder", "big"}, {"a/data.pkl", whole("}")}});
  EXPECT_THAT(message(), HasSubstr("its byte order is 'big'"));
  write_zip(file(), {{"a/data.pkl", whole(text(std::string(1000, 'x')))}}, ZIP_CM_DEFLATE);
  EXPECT_THAT(message(), HasSubstr("entry 'a/data.pkl' is compressed"));
  std::filesystem::remove(file());
  EXPECT_THAT(message(), HasSubstr("m.pt: is missing"));
  std::filesystem::create_directory(file());
  EXPECT_THAT(message(), HasSubstr("m.pt: holds neither model.safetensors"));
}

TEST_F(TorchFileTest, WhatIsWrongWithATensorIsNamed) {
  const std::map<std::string, std::string> storages = {{"0", values(six_)}};
  const auto one = [&](const std::string& value) { return message(dict({{"w", value}}), storages); };
  EXPECT_EQ(one(tensor(float_six_, 0, {6}, {1})), "");
  EXPECT_THAT(one(tensor(float_six_, 1, {6}, {1})),
              HasSubstr("m.pt: data.pkl: tensor 'w': reaches beyond its storage of 6 elements"));
  EXPECT_THAT(one(tensor(float_six_, 0, {2, 2}, {1, 5})), HasSubstr("reaches beyond its storage"));
  EXPECT_THAT(one(tensor(float_six_, 0, {2}, {INT64_MAX})), HasSubstr("reaches beyond its storage"));
  EXPECT_THAT(one(tensor(float_six_, 5, {3}, {INT64_MAX})), HasSubstr("reaches beyond its storage"));
  EXPECT_THAT(one(tensor(float_six_, 0, {1 << 20, 1 << 20}, {0, 0})),
              HasSubstr("m.pt: tensor 'w': its 1099511627776 elements repeat those of a storage of 6"));
  EXPECT_THAT(one(tensor(float_six_, 0, {INT64_MAX, INT64_MAX}, {0, 0})),
              HasSubstr("more elements than any memory holds"));
  EXPECT_THAT(one(tensor(float_six_, 0, {6}, {-1})),
              HasSubstr("its offset, shape or strides are no numbers of at least 0"));
  EXPECT_THAT(one(tensor(float_six_, -1, {6}, {1})), HasSubstr("no numbers of at least 0"));
  EXPECT_THAT(one(tensor(float_six_, 0, {6, 1}, {1})), HasSubstr("no numbers of at least 0"));
  EXPECT_THAT(one(tensor("N", 0, {6}, {1})), HasSubstr("its storage is described in an unknown way"));
  EXPECT_THAT(one(tensor(text("0") + "Q", 0, {6}, {1})),
              HasSubstr("its storage is described in an unknown way"));
  EXPECT_THAT(one(call(global("torch._utils", "_rebuild_tensor_v2"), ")")),
              HasSubstr("storage, offset, shape and strides were expected"));
  EXPECT_THAT(one(call(global("torch._utils", "_rebuild_parameter"), ")")),
              HasSubstr("a parameter without a tensor"));
  EXPECT_THAT(one(tensor(storage("FloatStorage", "7", 6), 0, {6}, {1})),
              HasSubstr("tensor 'w': has no entry 'archive/data/7'"));
  EXPECT_THAT(one(tensor(storage("FloatStorage", "0", 7), 0, {6}, {1})),
              HasSubstr("has 24 bytes, but 7 elements of F32 take 28"));
  EXPECT_THAT(one(tensor(storage("FloatStorage", "0", INT64_MAX), 0, {6}, {1})),
              HasSubstr("its storage is impossibly long"));
  EXPECT_THAT(message(dict({{"b", tensor(storage("BoolStorage", "0", 3), 0, {3}, {1})}}), {{"0",
                                                                                            "\x01\x02"
                                                                                            "a"}}),
              HasSubstr("tensor 'b': truth values must be 0 or 1"));
  const std::string good = tensor(float_six_, 0, {6}, {1});
  EXPECT_THAT(message(dict({{"a.b", good}, {"a", dict({{"b", good}})}}), storages),
              HasSubstr("tensor 'a.b': stands twice"));
  EXPECT_THAT(message(dict({{"a\n", good}}), storages), HasSubstr("holds control characters"));
  EXPECT_THAT(message(dict({{std::string(1001, 'a'), good}}), storages),
              HasSubstr("a tensor has no name, or one of more than 1000 bytes"));
  EXPECT_THAT(message(good, storages), HasSubstr("a tensor has no name"));
  EXPECT_THAT(message("}", storages), HasSubstr("m.pt: data.pkl: holds no tensors in nested dicts"));
}

TEST_F(TorchFileTest, DictsThatHoldThemselvesOrEachOtherOverAndOverEndInAnError) {
  const std::map<std::string, std::string> storages = {{"0", values(six_)}};
  EXPECT_THAT(message("}q\x01" + text("self") + "h\x01s", storages),
              HasSubstr("nested more than 64 deep, or in themselves"));
  std::string doubling = dict({{"w", tensor(float_six_, 0, {6}, {1})}}) + "q" + std::string(1, '\0');
  for (char i = 1; i < 60; ++i)  // 2^59 paths to one tensor
    doubling += "}(" + text("a") + "h" + char(i - 1) + text("b") + "h" + char(i - 1) + "uq" + i;
  EXPECT_THAT(message(doubling, storages), HasSubstr("there are more than 100000 tensors"));
  std::string empty = "}q" + std::string(1, '\0');
  for (char i = 1; i < 60; ++i)
    empty += "}(" + text("a") + "h" + char(i - 1) + text("b") + "h" + char(i - 1) + "uq" + i;
  EXPECT_THAT(message(empty, storages), HasSubstr("dicts that hold each other over and over"));
}

TEST_F(TorchFileTest, ADamagedStorageIsFoundByItsChecksum) {
  write_torch_file(file(), whole(dict({{"w", tensor(float_six_, 0, {6}, {1})}})), {{"0", values(six_)}});
  std::string bytes = read_file(file());
  bytes[bytes.find(values(six_)) + 5] ^= 1;
  write_bytes(file(), bytes);
  EXPECT_THAT(message(), HasSubstr("m.pt: entry 'archive/data/0' is damaged: CRC error"));
}

TEST_F(TorchFileTest, DamagedFilesNeverCrash) {
  const std::string pickle =
      whole(ordered_dict({{"a", tensor(float_six_, 1, {2, 2}, {3, 1})},
                          {"b", dict({{"c", tensor(storage("LongStorage", "1", 3), 0, {3}, {1})}})}}));
  const std::map<std::string, std::string> storages = {{"0", values(six_)}, {"1", values(torch::arange(3))}};
  write_torch_file(file(), pickle, storages);
  EXPECT_EQ(message(), "");
  const std::string good = read_file(file());
  RandomStream random(5);
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {  // the zip file, whose checksums find most
    write_bytes(file(), mutated(good, random));
    refused += !message().empty();
  }
  EXPECT_GT(refused, 300);
  refused = 0;
  for (int i = 0; i < 1000; ++i) {  // the pickle, in a sound zip file
    write_torch_file(file(), mutated(pickle, random), storages);
    refused += !message().empty();
  }
  EXPECT_GT(refused, 300);
  for (std::size_t length = 0; length < good.size(); length += 3) {
    write_bytes(file(), good.substr(0, length));
    EXPECT_NE(message(), "") << length;
  }
}

}  // namespace
}  // namespace pal

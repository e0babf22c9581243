#include "pal/encoders/tensorflow_checkpoint.h"

#include <torch/torch.h>

#include <optional>
#include <utility>

#include "pal/core/byte_cursor.h"
#include "crc32c.h"
#include "pal/core/mapped_file.h"

namespace pal {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint64_t kTableMagic = 0xdb4775248b80fb57;
constexpr std::size_t kFooterBytes = 48;
constexpr std::uint64_t kFloat32 = 1;  // tensorflow.DataType.DT_FLOAT

struct BlockHandle {
  std::uint64_t offset = 0, size = 0;
};

BlockHandle take_handle(ByteCursor& cursor) {
  const std::uint64_t offset = cursor.take_varint();
  return {offset, cursor.take_varint()};
}

// A block of the table without its trailer (type of compression, checksum).
Bytes block_bytes(Bytes file, const BlockHandle& handle, const std::string& name) {
  constexpr std::size_t kTrailerBytes = 5;
  PAL_CHECK(handle.offset <= file.size() && handle.size <= file.size() - handle.offset &&
                file.size() - handle.offset - handle.size >= kTrailerBytes,
            "{}: damaged: a block of {} bytes at offset {} reaches past the file's end", name, handle.size,
            handle.offset);
  const Bytes block = file.subspan(std::size_t(handle.offset), std::size_t(handle.size));
  const Bytes with_type = file.subspan(std::size_t(handle.offset), std::size_t(handle.size) + 1);
  ByteCursor trailer(file.subspan(std::size_t(handle.offset + handle.size), kTrailerBytes), name);
  PAL_CHECK(trailer.take<std::uint8_t>() == 0, "{}: a compressed table was found, which cannot be read",
            name);
  PAL_CHECK(trailer.take<std::uint32_t>() == masked_crc32c(with_type),
            "{}: damaged: the checksum at offset {} is wrong", name, handle.offset + handle.size);
  return block;
}

// Calls visit(key, value) for each entry of a block. Keys share their beginnings with the one before.
template <typename Visit>
void for_each_entry(Bytes block, const std::string& name, const Visit& visit) {
  PAL_CHECK(block.size() >= sizeof(std::uint32_t), "{}: damaged: a block of {} bytes", name, block.size());
  ByteCursor tail(block.last(sizeof(std::uint32_t)), name);
  const std::uint64_t tail_bytes = sizeof(std::uint32_t) * (1 + std::uint64_t(tail.take<std::uint32_t>()));
  PAL_CHECK(tail_bytes <= block.size(), "{}: damaged: a block's list of restarts is longer than the block",
            name);
  ByteCursor cursor(block.first(block.size() - std::size_t(tail_bytes)), name);
  std::string key;
  while (cursor.left() > 0) {
    const std::uint64_t shared = cursor.take_varint(), added = cursor.take_varint(),
                        value_bytes = cursor.take_varint();
    PAL_CHECK(shared <= key.size(), "{}: damaged: a key shares {} bytes with one of {}", name, shared,
              key.size());
    key = key.substr(0, std::size_t(shared)) + std::string(cursor.take_text(added));
    visit(key, cursor.take_bytes(value_bytes));
  }
}

// Calls visit(field, number, bytes) for each field of a protocol buffer's message: `bytes` for nested ones,
// else `number`.
template <typename Visit>
void for_each_field(Bytes message, const std::string& name, const Visit& visit) {
  ByteCursor cursor(message, name);
  while (cursor.left() > 0) {
    const std::uint64_t tag = cursor.take_varint();
    switch (tag & 7) {
      case 0:
        visit(tag >> 3, cursor.take_varint(), Bytes{});
        break;
      case 1:
        visit(tag >> 3, cursor.take<std::uint64_t>(), Bytes{});
        break;
      case 2:
        visit(tag >> 3, std::uint64_t{0}, cursor.take_bytes(cursor.take_varint()));
        break;
      case 5:
        visit(tag >> 3, std::uint64_t{cursor.take<std::uint32_t>()}, Bytes{});
        break;
      default:
        user_error("{}: damaged: a field of unknown kind {}", name, tag & 7);
    }
  }
}

std::vector<std::int64_t> read_shape(Bytes message, const std::string& name) {
  std::vector<std::int64_t> shape;
  for_each_field(message, name, [&](std::uint64_t field, std::uint64_t, Bytes dimension) {
    if (field != 2) return;
    shape.push_back(0);
    for_each_field(dimension, name, [&](std::uint64_t inner, std::uint64_t size, Bytes) {
      if (inner == 1) shape.back() = std::int64_t(size);
    });
  });
  return shape;
}

// What the table says of one tensor (BundleEntryProto).
struct Entry {
  std::uint64_t dtype = 0, shard = 0, offset = 0, size = 0;
  std::uint32_t checksum = 0;
  bool sliced = false;
  std::vector<std::int64_t> shape;
};

Entry read_entry(Bytes message, const std::string& where) {
  Entry entry;
  for_each_field(message, where, [&](std::uint64_t field, std::uint64_t number, Bytes bytes) {
    switch (field) {
      case 1:
        entry.dtype = number;
        break;
      case 2:
        entry.shape = read_shape(bytes, where);
        break;
      case 3:
        entry.shard = number;
        break;
      case 4:
        entry.offset = number;
        break;
      case 5:
        entry.size = number;
        break;
      case 6:
        entry.checksum = std::uint32_t(number);
        break;
      case 7:
        entry.sliced = true;
        break;
      default:
        break;  // later versions may say more
    }
  });
  return entry;
}

// The table's first entry, whose key is empty (BundleHeaderProto).
void check_header(Bytes message, const std::string& name) {
  for_each_field(message, name, [&](std::uint64_t field, std::uint64_t number, Bytes) {
    PAL_CHECK(field != 1 || number == 1, "{}: a checkpoint with one data file was expected, got {}", name,
              number);
    PAL_CHECK(field != 2 || number == 0, "{}: a little-endian checkpoint was expected", name);
  });
}

torch::Tensor read_values(const Entry& entry, Bytes data, const std::string& where) {
  PAL_CHECK(!entry.sliced && entry.shard == 0, "{}: a whole tensor in the first data file was expected",
            where);
  check_extent(entry.shape, sizeof(float), entry.size, where);
  PAL_CHECK(entry.offset <= data.size() && entry.size <= data.size() - entry.offset,
            "{}: damaged or cut short: {} bytes at offset {} of a data file of {}", where, entry.size,
            entry.offset, data.size());
  const Bytes values = data.subspan(std::size_t(entry.offset), std::size_t(entry.size));
  PAL_CHECK(masked_crc32c(values) == entry.checksum, "{}: damaged: the checksum of its values is wrong",
            where);
  auto tensor = torch::empty(entry.shape, torch::kFloat32);
  if (!values.empty()) std::memcpy(tensor.data_ptr<float>(), values.data(), values.size());
  return tensor;
}

BlockHandle index_of_blocks(Bytes file, const std::string& name) {
  PAL_CHECK(file.size() >= kFooterBytes, "{}: a TensorFlow checkpoint's index was expected, got {} bytes",
            name, file.size());
  ByteCursor footer(file.last(kFooterBytes), name);
  ByteCursor magic(file.last(sizeof kTableMagic), name);
  PAL_CHECK(magic.take<std::uint64_t>() == kTableMagic, "{}: is no TensorFlow checkpoint's index", name);
  take_handle(footer);  // of the index of meta blocks, which a checkpoint does not use
  return take_handle(footer);
}

}  // namespace

TensorMap read_tensorflow_checkpoint(const std::string& prefix) {
  const MappedFile index(prefix + ".index"), data(prefix + ".data-00000-of-00001");
  const std::string name = index.name();
  TensorMap tensors;
  const auto read_one = [&](const std::string& key, Bytes value) {
    if (key.empty()) return check_header(value, name);
    const std::string where = name + ": " + key;
    const Entry entry = read_entry(value, where);
    if (entry.dtype != kFloat32) return;
    PAL_CHECK(tensors.emplace(key, read_values(entry, data.bytes(), where)).second,
              "{}: damaged: is there twice", where);
  };
  for_each_entry(block_bytes(index.bytes(), index_of_blocks(index.bytes(), name), name), name,
                 [&](const std::string&, Bytes value) {
                   ByteCursor handle(value, name);
                   for_each_entry(block_bytes(index.bytes(), take_handle(handle), name), name, read_one);
                 });
  return tensors;
}

}  // namespace pal

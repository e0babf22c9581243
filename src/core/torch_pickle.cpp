#include "torch_pickle.h"

#include <algorithm>
#include <array>
#include <optional>

#include "pal/core/check.h"
#include "pal/core/pickle.h"
#include "pal/core/tensor_entry.h"

namespace pal {

namespace {

using Id = PickleValue::Id;
using Kind = PickleValue::Kind;

constexpr std::size_t kMostVisits = 4'000'000;  // values on all paths: a dict may stand in many places
constexpr std::size_t kMostTensors = 100'000;
constexpr int kDeepest = 64;  // dicts in dicts

struct StorageType {
  std::string_view name;  // torch.NAME
  DType dtype;
};
constexpr std::array<StorageType, 10> kStorageTypes{{{"DoubleStorage", DType::kF64},
                                                     {"FloatStorage", DType::kF32},
                                                     {"HalfStorage", DType::kF16},
                                                     {"BFloat16Storage", DType::kBF16},
                                                     {"LongStorage", DType::kI64},
                                                     {"IntStorage", DType::kI32},
                                                     {"ShortStorage", DType::kI16},
                                                     {"CharStorage", DType::kI8},
                                                     {"ByteStorage", DType::kU8},
                                                     {"BoolStorage", DType::kBool}}};

// The way to a value: keys from the outermost dict on. Nothing is put together before a tensor is found.
struct Path {
  const Path* outer = nullptr;
  std::string_view key;
};

class Finder {
 public:
  Finder(Pickle pickle, std::string where) : pickle_(std::move(pickle)), where_(std::move(where)) {}

  TorchPickle find() {
    visit(pickle_.root, nullptr, 0);
    PAL_CHECK(!found_.tensors.empty() || !found_.unreadable.empty(), "{}: holds no tensors in nested dicts",
              where_);
    return std::move(found_);
  }

 private:
  const PickleValue& at(Id id) const { return pickle_.values[id]; }

  std::string name_of(const Path* path) const {
    constexpr std::size_t kLongest = 1000;
    std::size_t bytes = 0;
    for (const Path* at = path; at != nullptr && bytes <= kLongest; at = at->outer)
      bytes += at->key.size() + 1;
    PAL_CHECK(bytes > 0 && bytes <= kLongest + 1, "{}: a tensor has no name, or one of more than {} bytes",
              where_, kLongest);
    std::string name(path->key);
    for (const Path* at = path->outer; at != nullptr; at = at->outer)
      name = std::string(at->key) + "." + name;
    PAL_CHECK(is_valid_name(name), "{}: a tensor's name is empty, no UTF-8 or holds control characters",
              where_);
    return name;
  }

  void visit(Id id, const Path* path, int depth) {
    PAL_CHECK(++visits_ <= kMostVisits, "{}: dicts that hold each other over and over, more than {} values",
              where_, kMostVisits);
    const PickleValue& value = at(id);
    if (const auto* arguments = call_of(value, "_rebuild_tensor_v2", "_rebuild_tensor"))
      return add_tensor(*arguments, path);
    if (const auto* arguments = call_of(value, "_rebuild_parameter", "_rebuild_parameter_with_state")) {
      PAL_CHECK(!arguments->parts.empty() && depth < kDeepest, "{}: a parameter without a tensor", where_);
      return visit(arguments->parts[0], path, depth + 1);
    }
    PAL_CHECK(value.items.empty() || depth < kDeepest,
              "{}: dicts are nested more than {} deep, or in themselves", where_, kDeepest);
    for (const auto& [key, item] : value.items) {
      const std::string number = at(key).kind == Kind::kInt ? std::to_string(at(key).integer) : "";
      if (at(key).kind != Kind::kText && at(key).kind != Kind::kInt) continue;
      const Path inner{path, at(key).kind == Kind::kText ? at(key).text : std::string_view(number)};
      visit(item, &inner, depth + 1);
    }
  }

  // The arguments where `value` is what torch._utils.FIRST or SECOND would return; nothing otherwise.
  const PickleValue* call_of(const PickleValue& value, std::string_view first,
                             std::string_view second) const {
    if (value.kind != Kind::kCall || at(value.parts[1]).kind != Kind::kSequence) return nullptr;
    const auto [module, name] = global(value.parts[0]);
    const bool is_it = module == "torch._utils" && (name == first || name == second);
    return is_it ? &at(value.parts[1]) : nullptr;
  }

  std::pair<std::string_view, std::string_view> global(Id id) const {  // empty where it is none
    const PickleValue& value = at(id);
    if (value.kind != Kind::kGlobal) return {};
    return {at(value.parts[0]).text, at(value.parts[1]).text};
  }

  // arguments: (storage, offset, shape, strides, ...)
  void add_tensor(const PickleValue& arguments, const Path* path) {
    TorchEntry entry;
    entry.name = name_of(path);
    const auto check = [&](bool fits, std::string_view what) {
      PAL_CHECK(fits, "{}: tensor '{}': {}", where_, entry.name, what);
    };
    check(found_.tensors.size() + found_.unreadable.size() < kMostTensors,
          "there are more than 100000 tensors");
    check(!found_.tensors.contains(entry.name) && !found_.unreadable.contains(entry.name), "stands twice");
    check(arguments.parts.size() >= 4, "storage, offset, shape and strides were expected");
    const auto offset = integer(arguments.parts[1]);
    const auto shape = integers(arguments.parts[2]), strides = integers(arguments.parts[3]);
    check(offset && shape && strides && shape->size() == strides->size(),
          "its offset, shape or strides are no numbers of at least 0");
    entry.offset = *offset;
    entry.shape = *shape;
    entry.strides = *strides;
    if (const auto unreadable = read_storage(arguments.parts[0], entry)) {
      found_.unreadable[entry.name] = *unreadable;
      return;
    }
    check_extent(entry);
    found_.tensors.emplace(entry.name, std::move(entry));
  }

  std::optional<std::int64_t> integer(Id id) const {  // of at least 0
    const PickleValue& value = at(id);
    return value.kind == Kind::kInt && value.integer >= 0 ? std::optional(value.integer) : std::nullopt;
  }

  std::optional<std::vector<std::int64_t>> integers(Id id) const {
    constexpr std::size_t kMostDimensions = 64;
    const PickleValue& value = at(id);
    if (value.kind != Kind::kSequence || value.parts.size() > kMostDimensions) return std::nullopt;
    std::vector<std::int64_t> result;
    for (const Id part : value.parts) {
      if (!integer(part)) return std::nullopt;
      result.push_back(*integer(part));
    }
    return result;
  }

  // Reads ('storage', type, key, device, elements). Returns the type where its elements cannot be read.
  std::optional<std::string> read_storage(Id id, TorchEntry& entry) const {
    const auto check = [&](bool fits) {
      PAL_CHECK(fits, "{}: tensor '{}': its storage is described in an unknown way", where_, entry.name);
    };
    check(at(id).kind == Kind::kPersistent);
    const PickleValue& reference = at(at(id).parts[0]);
    check(reference.kind == Kind::kSequence && reference.parts.size() >= 5);
    const auto [module, type] = global(reference.parts[1]);
    const PickleValue& key = at(reference.parts[2]);
    const auto elements = integer(reference.parts[4]);
    check(at(reference.parts[0]).text == "storage" && !type.empty() && key.kind == Kind::kText && elements);
    const auto known = std::ranges::find(kStorageTypes, type, &StorageType::name);
    if ((module != "torch" && module != "torch.cuda") || known == kStorageTypes.end())
      return fmt::format("{}.{}", module, type).substr(0, 200);
    entry.dtype = known->dtype;
    entry.storage = key.text;
    entry.storage_elements = *elements;
    PAL_CHECK(is_valid_name(entry.storage),
              "{}: tensor '{}': its storage's name is empty or holds control characters", where_, entry.name);
    PAL_CHECK(checked_product(std::uint64_t(*elements), 8), "{}: tensor '{}': its storage is impossibly long",
              where_, entry.name);
    return std::nullopt;
  }

  void check_extent(const TorchEntry& entry) const {
    const std::vector<std::uint64_t> shape(entry.shape.begin(), entry.shape.end());
    if (element_count(where_, entry.name, shape) == 0) return;
    std::optional<std::uint64_t> last = std::uint64_t(entry.offset);  // element of the storage
    for (std::size_t i = 0; i < shape.size() && last; ++i) {
      const auto reach = checked_product(shape[i] - 1, std::uint64_t(entry.strides[i]));
      last = reach ? checked_sum(*last, *reach) : std::nullopt;
    }
    PAL_CHECK(last && *last < std::uint64_t(entry.storage_elements),
              "{}: tensor '{}': reaches beyond its storage of {} elements", where_, entry.name,
              entry.storage_elements);
  }

  Pickle pickle_;
  std::string where_;
  TorchPickle found_;
  std::size_t visits_ = 0;
};

}  // namespace

TorchPickle read_torch_pickle(std::span<const std::byte> bytes, const std::string& where) {
  return Finder(read_pickle(bytes, where), where).find();
}

}  // namespace pal

// Python's pickles as inert data: nothing that one names is ever imported, made or called. Torch-free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pal {

// A value of a pickle. Values are referred to by their number in Pickle::values; they may form cycles.
struct PickleValue {
  // What a value is.
  enum class Kind : std::uint8_t {
    kOther,     // None, a truth value, a float, bytes, an integer of more than 64 bits
    kInt,       // `integer`
    kText,      // `text`
    kSequence,  // a list, tuple or set: `parts`
    kDict,      // `items`
    kGlobal,    // a class or function: the texts of its module and its name in `parts`
    kCall,  // an object of any class: what would be called and its arguments in `parts`; what would be put in by key in `items`
    kPersistent,  // an object outside of the pickle: what names it in `parts`
  };
  using Id = std::uint32_t;                // a value's number
  Kind kind = Kind::kOther;                // says which of these have a meaning:
  std::int64_t integer = 0;                // kInt
  std::string_view text{};                 // kText; valid as long as the bytes of the pickle
  std::vector<Id> parts{};                 // as above
  std::vector<std::pair<Id, Id>> items{};  // keys and values, as they were put in
};

// A pickle that was read.
struct Pickle {
  std::vector<PickleValue> values;  // by number
  PickleValue::Id root = 0;         // the whole
};

// Reads what pickle protocols 2 to 5 write; an object's state is passed over. where: for messages, e.g. the path. Throws
// UserError where the bytes are no such pickle, refer to what is not there, or make more than 4 million values.
// Source: CPython, Lib/pickletools.py.
Pickle read_pickle(std::span<const std::byte> bytes, const std::string& where);

}  // namespace pal

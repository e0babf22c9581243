#include "pal/core/pickle.h"

#include <optional>
#include <unordered_map>

#include "pal/core/byte_cursor.h"
#include "pal/core/check.h"

namespace pal {

namespace {

using Id = PickleValue::Id;
using Kind = PickleValue::Kind;

constexpr std::size_t kMost =
    4'000'000;  // values, and instructions: some 500 MB. Checkpoints make some 10,000.

// A pickle is a program for a machine with a stack, marks on it and a memo. Opcodes have the names of pickletools.py.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& where) : in_(bytes, where) {}

  Pickle read() {
    for (std::size_t steps = 0; steps < kMost; ++steps) {
      const auto opcode = in_.take<std::uint8_t>();
      if (opcode == '.') {  // STOP
        pickle_.root = pop();
        return std::move(pickle_);
      }
      if (!scalar(opcode) && !container(opcode) && !object(opcode) && !stack_or_memo(opcode))
        fail("opcode {:#04x} is none of protocols 2 to 5", opcode);
    }
    fail("more than {} instructions", kMost);
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    user_error("{}: byte {}: {}", in_.name(), in_.position(),
               fmt::format(format, std::forward<Args>(args)...));
  }

  // One line an opcode.
  // clang-format off
  bool scalar(std::uint8_t opcode) {
    switch (opcode) {
      case 'N': case 0x88: case 0x89: return skip(0);  // NONE, NEWTRUE, NEWFALSE
      case 'G': return skip(8);  // BINFLOAT
      case 'C': return skip(in_.take<std::uint8_t>());  // SHORT_BINBYTES
      case 'B': return skip(in_.take<std::uint32_t>());  // BINBYTES
      case 0x8e: case 0x96: return skip(in_.take<std::uint64_t>());  // BINBYTES8, BYTEARRAY8
      case 'J': return push_integer(in_.take<std::int32_t>());  // BININT
      case 'K': return push_integer(in_.take<std::uint8_t>());  // BININT1
      case 'M': return push_integer(in_.take<std::uint16_t>());  // BININT2
      case 0x8a: return long_integer(in_.take<std::uint8_t>());  // LONG1
      case 0x8b: return long_integer(in_.take<std::uint32_t>());  // LONG4
      case 'U': case 0x8c: return push_text(in_.take<std::uint8_t>());  // SHORT_BINSTRING, SHORT_BINUNICODE
      case 'T': case 'X': return push_text(in_.take<std::uint32_t>());  // BINSTRING, BINUNICODE
      case 0x8d: return push_text(in_.take<std::uint64_t>());  // BINUNICODE8
      default: return false;
    }
  }

  bool container(std::uint8_t opcode) {
    switch (opcode) {
      case ']': case ')': case 0x8f: return push({Kind::kSequence});  // EMPTY_LIST, EMPTY_TUPLE, EMPTY_SET
      case 'l': case 't': case 0x91: return push_parts(Kind::kSequence, pop_to_mark());  // LIST, TUPLE, FROZENSET
      case 0x85: case 0x86: case 0x87: return push_parts(Kind::kSequence, pop(opcode - 0x84));  // TUPLE1 to TUPLE3
      case 'a': return append(pop(1));  // APPEND
      case 'e': case 0x90: return append(pop_to_mark());  // APPENDS, ADDITEMS
      case '}': return push({Kind::kDict});  // EMPTY_DICT
      case 's': return put(pop(2));  // SETITEM
      case 'u': return put(pop_to_mark());  // SETITEMS
      case 'd': {                   // DICT
        const auto items = pop_to_mark();
        return push({Kind::kDict}) && put(items);
      }
      default: return false;
    }
  }

  bool object(std::uint8_t opcode) {
    switch (opcode) {
      case 'c': {  // GLOBAL
        const Id module = add_text(in_.take_line()), name = add_text(in_.take_line());
        return push_parts(Kind::kGlobal, {module, name});
      }
      case 0x93: return push_parts(Kind::kGlobal, pop(2));  // STACK_GLOBAL
      case 'R': case 0x81: return push_parts(Kind::kCall, pop(2));  // REDUCE, NEWOBJ
      case 0x92: return push_parts(Kind::kCall, pop(3));  // NEWOBJ_EX
      case 'Q': return push_parts(Kind::kPersistent, pop(1));  // BINPERSID
      case 'b':
        pop();
        return top(), true;  // BUILD: the state of an object that is not made
      default: return false;
    }
  }

  bool stack_or_memo(std::uint8_t opcode) {
    switch (opcode) {
      case 0x80: return protocol(in_.take<std::uint8_t>());  // PROTO
      case 0x95: return in_.take<std::uint64_t>(), true;  // FRAME
      case '(': return marks_.push_back(stack_.size()), true;  // MARK
      case '0': return pop(), true;  // POP
      case '1': return pop_to_mark(), true;  // POP_MARK
      case '2': return push(top());  // DUP
      case 'q': return memo_[in_.take<std::uint8_t>()] = top(), true;  // BINPUT
      case 'r': return memo_[in_.take<std::uint32_t>()] = top(), true;  // LONG_BINPUT
      case 0x94: {                                              // MEMOIZE
        const auto next = std::uint32_t(memo_.size());
        return memo_[next] = top(), true;
      }
      case 'h': return recall(in_.take<std::uint8_t>());  // BINGET
      case 'j': return recall(in_.take<std::uint32_t>());  // LONG_BINGET
      default: return false;
    }
  }

  // clang-format on

  bool protocol(int version) {
    if (version < 2 || version > 5) fail("pickle protocol {}; 2 to 5 are read", version);
    return true;
  }

  Id add(PickleValue value) {
    if (pickle_.values.size() >= kMost) fail("more than {} values", kMost);
    pickle_.values.push_back(std::move(value));
    return Id(pickle_.values.size() - 1);
  }
  Id add_text(std::string_view text) { return add({.kind = Kind::kText, .text = text}); }
  PickleValue& at(Id id) { return pickle_.values[id]; }

  // These return true, so that a case of a switch is one line.
  bool push(Id id) {
    stack_.push_back(id);
    return true;
  }
  bool push(PickleValue value) { return push(add(std::move(value))); }
  bool push_integer(std::int64_t value) { return push({.kind = Kind::kInt, .integer = value}); }
  bool push_text(std::uint64_t length) { return push(add_text(in_.take_text(length))); }
  bool push_parts(Kind kind, std::vector<Id> parts) {
    return push({.kind = kind, .parts = std::move(parts)});
  }
  bool skip(std::uint64_t length) {
    in_.take_bytes(length);
    return push({Kind::kOther});
  }

  bool long_integer(std::uint64_t length) {  // two's complement, lowest byte first
    const auto bytes = in_.take_bytes(length);
    if (length > 8) return push({Kind::kOther});
    std::uint64_t value = length > 0 && std::to_integer<int>(bytes.back()) >= 0x80 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
      value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    return push_integer(std::int64_t(value));
  }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Id top() const {
    if (stack_.size() <= floor()) fail("nothing is on the stack");
    return stack_.back();
  }
  Id pop() {
    const Id id = top();
    stack_.pop_back();
    return id;
  }
  std::vector<Id> pop(int count) {  // in the order in which they were pushed
    if (stack_.size() - floor() < std::size_t(count)) fail("nothing is on the stack");
    std::vector<Id> ids(stack_.end() - count, stack_.end());
    stack_.resize(stack_.size() - std::size_t(count));
    return ids;
  }
  std::vector<Id> pop_to_mark() {
    if (marks_.empty()) fail("there is no mark");
    std::vector<Id> ids(stack_.begin() + std::ptrdiff_t(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return ids;
  }

  bool append(const std::vector<Id>& ids) {
    PickleValue& target = at(top());
    if (target.kind != Kind::kSequence && target.kind != Kind::kCall)
      fail("something is appended to what is no list");
    if (target.kind == Kind::kSequence) target.parts.insert(target.parts.end(), ids.begin(), ids.end());
    return true;
  }
  bool put(const std::vector<Id>& ids) {
    PickleValue& target = at(top());
    if (target.kind != Kind::kDict && target.kind != Kind::kCall)
      fail("something is put by a key into what is no dict");
    if (ids.size() % 2 != 0) fail("a key has no value");
    for (std::size_t i = 0; i < ids.size(); i += 2) target.items.emplace_back(ids[i], ids[i + 1]);
    return true;
  }

  bool recall(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail("value {} of the memo was never stored", index);
    return push(found->second);
  }

  ByteCursor in_;
  Pickle pickle_;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::unordered_map<std::uint32_t, Id> memo_;
};

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& where) {
  return Reader(bytes, where).read();
}

}  // namespace pal

// What one process finds out, all must act upon: else those that go on wait for it for ever.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "pal/core/check.h"
#include "pal/distributed/process_group.h"

namespace pal {

// What another process threw, and will tell: this one only ends with it.
struct UserErrorElsewhere : UserError {
  using UserError::UserError;
};
struct ErrorElsewhere : std::runtime_error {  // the same for what is no UserError
  using std::runtime_error::runtime_error;
};

// Every process runs `body`; where some of them throw, the first of these goes on throwing that, and the others throw one of the two above with its
// message. `body` exchanges nothing.
void together(ProcessGroup& group, const std::function<void()>& body);

// For what all processes have found out alike: throws Error, which the first tells, and in the others what they need not tell.
template <typename Error>
[[noreturn]] void throw_in_all(const ProcessGroup& group, const std::string& text) {
  if (group.is_first()) throw Error(text);
  if constexpr (std::is_base_of_v<UserError, Error>) throw UserErrorElsewhere(text);
  throw ErrorElsewhere(text);
}

// Process 0 runs `body`; all return its text, or throw as together().
std::string on_first(ProcessGroup& group, const std::function<std::string()>& body);

// What each process holds, in the order of ranks; the same in all.
std::vector<nlohmann::json> gather_json(ProcessGroup& group, const nlohmann::json& own);

// One tensor and its name in messages.
struct NamedReplica {
  std::string name;   // for people
  at::Tensor tensor;  // of this process
};

// Makes each tensor what it is in process 0.
void copy_from_first(ProcessGroup& group, const std::vector<NamedReplica>& replicas);

// Throws std::runtime_error that names the first tensor which is not the same, bit for bit, in all processes. Reads every tensor once; what is
// exchanged is a number for each.
void check_equal(ProcessGroup& group, const std::vector<NamedReplica>& replicas);

}  // namespace pal

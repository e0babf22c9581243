// How an input of libFuzzer reaches a reader, and what a reader may do with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string_view>

#include "allocation_limit.h"

namespace pal::fuzz {

// Calls `read`, for which UserError is the one acceptable way to fail: anything else that it throws ends the program, which is how
// libFuzzer learns of it; so does more memory than `allowance`. Returns 0, as LLVMFuzzerTestOneInput must. With PAL_FUZZ_EXPLAIN in the
// environment it prints a line: "accepted" or "refused: MESSAGE", and the memory.
int try_reader(std::string_view input, Allowance allowance, const std::function<void()>& read);

// Calls `attempt` and says whether it ended without UserError, for parts of a reader that are tried one by one.
bool accepts(const std::function<void()>& attempt);

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

// A folder of this process, in memory where the system has such a place; put() replaces what was in the file. Gone when the process ends.
const std::filesystem::path& folder();
std::filesystem::path put(const char* name, std::string_view bytes);

// The input as several files: the first has its beginning; a line "@NAME" begins that of each other one of `names`. All but those that
// the input has are removed from folder(). Returns the first one's path.
std::filesystem::path put_files(std::string_view input, const char* first, std::initializer_list<const char*> names);

}  // namespace pal::fuzz

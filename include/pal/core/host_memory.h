// What this process holds of the machine's memory, as Linux counts it. Torch-free.
#pragma once

#include <cstdint>

namespace pal {

// Resident bytes: pages that lie in memory now and are mapped by this process. What the system keeps of files in its page cache
// counts only where it is mapped; that which was read with read() does not.
struct HostMemory {
  std::int64_t anonymous = 0;  // of its own: weights, heap, stacks (RssAnon)
  std::int64_t files = 0;      // of mapped files: program, libraries, weights that are read through a mapping (RssFile)
  std::int64_t peak = 0;       // the most of both together (with shared memory) since the start or reset_peak_memory() (VmHWM)

  std::int64_t resident() const { return anonymous + files; }  // now
};

// Reads /proc/self/status. Throws std::logic_error where the system has none.
HostMemory host_memory();

// HostMemory::peak starts anew from what is resident now. Throws std::logic_error where the system cannot do it.
void reset_peak_memory();

}  // namespace pal

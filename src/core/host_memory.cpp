#include "pal/core/host_memory.h"

#include <fstream>
#include <string>

#include "pal/core/check.h"

namespace pal {

HostMemory host_memory() {
  std::ifstream status("/proc/self/status");
  HostMemory memory;
  int found = 0;
  for (std::string key; status >> key;) {
    std::int64_t* const value = key == "RssAnon:"   ? &memory.anonymous
                                : key == "RssFile:" ? &memory.files
                                : key == "VmHWM:"   ? &memory.peak
                                                    : nullptr;
    if (value != nullptr && status >> *value) *value *= 1024, ++found;  // kB, by which 1024 bytes are meant
    std::getline(status, key);
  }
  PAL_ASSERT(found == 3, "/proc/self/status has {} of RssAnon, RssFile and VmHWM", found);
  return memory;
}

void reset_peak_memory() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;  // proc(5)
  PAL_ASSERT(file.good(), "/proc/self/clear_refs cannot be written");
}

}  // namespace pal

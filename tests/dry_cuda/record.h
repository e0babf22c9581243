// What was asked of the device that is not there, counted, and written as JSON to the folder $PAL_DRY_CUDA_REPORT when the program ends, one file a process.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace dry_cuda {

using Counts = std::map<std::string, long>;

struct Record {
  std::mutex mutex;
  Counts launches;    // kernels and products by name, those outside of graphs
  Counts replayed;    // those inside of graphs, once for each launch of the graph
  Counts waits;       // calls for which the host waits for the device, by name
  Counts copies;      // copies and fills that are no kernels, by direction
  Counts devices;     // launches, copies and allocations by the device that they are of
  long graph_launches = 0;
  std::vector<std::string> faults;  // calls that a device refuses
};

Record& record();

// Notes the fault; a caller then returns CUDA's error.
void fault(const std::string& what);

}  // namespace dry_cuda
